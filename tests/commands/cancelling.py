"""Migrations that are cancelled at each of their steps: every safe point has exactly one server."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from drp.commands.endings import CANCELLED, DONE, Ending
from drp.commands.events import Event, StepEvent
from drp.commands.launch import launch
from drp.commands.stopping import Stoppable
from tests.actions.test_runs import without_burnt
from tests.commands.bench import Bench, deployed

STEPS = 90
"""A migration has no more steps that begin; a cancel after the last one meets nothing."""


@dataclass
class CancelTally:
    cancels: int = 0
    findings: list[str] = field(default_factory=list)


def certify_cancels(numbers: Iterable[int], folder: Path) -> CancelTally:
    """Cancel as the step of each number begins; then go on, and take it back, from there."""
    tally = CancelTally()
    for number in numbers:
        tally.cancels += 1
        tally.findings += [f"cancelled at step {number}: {text}" for text in _check(number, folder)]
    return tally


def _check(number: int, folder: Path) -> list[str]:
    bench = Bench(folder / str(number))
    ending = cancel_at(bench, number)
    found = [] if count_servers(bench) == 1 else [f"{count_servers(bench)} servers"]
    if ending not in (CANCELLED, DONE):
        found.append(f"it ended {ending.word}")
    if ending is not CANCELLED:
        return found
    back = Bench(folder / f"{number}-back", copy.deepcopy(bench.company))
    bench.on_stops = lambda run, departure: None
    if bench.recover("7f3a").served.site != "dc5" or count_servers(bench) != 1:
        found.append("it could not be gone on with")
    back.recover("7f3a", back=True)
    if without_burnt(back.company.dump()) != without_burnt(deployed().dump()):
        found.append("it could not be taken back")
    return found


def count_servers(bench: Bench) -> int:
    """Edges that route the tenant's name to an API of their own host that runs."""
    routes = [edge.routes().get("acme.example.test") for edge in bench.company.edges.values()]
    apis = {
        f"{link.address}:8080"
        for host in bench.company.hosts.values()
        for container in host.world.running()
        if container.spec.name.endswith("-api")
        for link in container.attachments.values()
    }
    return sum(route is not None and route.kind == "local" and route.target in apis for route in routes)


def cancel_at(bench: Bench, begun: int) -> Ending:
    """Migrate, and cancel as the step of that number begins."""
    runs: list[Stoppable] = []
    left = begun

    def hear(event: Event) -> None:
        nonlocal left
        if isinstance(event, StepEvent) and event.status == "begun":
            left -= 1
            if left == 0:
                runs[0].cancel()

    bench.on_stops = lambda run, departure: runs.append(run)
    report = launch(replace(bench.desk(), emit=hear), bench.workshop, bench.order("migrate", "dc5", "acme"))
    assert report.served.is_proven, report.served.reason
    assert report.served.writes
    return report.ending
