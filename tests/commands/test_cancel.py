"""A run is asked to stop from another machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from drp.commands.cancel import ask_cancel, inspect_cancel
from drp.commands.endings import CANCELLED, DONE
from drp.commands.events import Event, RunEvent, StepEvent, WarningEvent
from drp.commands.launch import launch
from drp.commands.results import Cancellation, RunReport
from drp.errors import RefusedError
from drp.providers.clock import SystemClock
from tests.commands.bench import Bench
from tests.commands.cancelling import cancel_at, count_servers

TERM = timedelta(seconds=1)


@dataclass
class Elsewhere:
    """A migration that goes on in a thread, and stands still in the middle until somebody cancels it."""

    bench: Bench
    waits: threading.Event
    goes_on: threading.Event
    thread: threading.Thread
    reports: list[RunReport]

    def cancel(self, word: str = "7f3a") -> Cancellation:
        here = Bench(self.bench.state.parent / "here", self.bench.company)
        here.workshop = self.bench.workshop
        self.events = here.events
        desk = replace(here.desk(), operator="eva@there", clock=SystemClock())
        return ask_cancel(desk, here.workshop, word)


@pytest.fixture
def running(bench: Bench) -> Iterator[Elsewhere]:
    waits, goes_on, reports = threading.Event(), threading.Event(), list[RunReport]()
    bench.workshop = replace(bench.workshop, term=TERM, is_alive=lambda _: None)

    def stand_still(event: Event) -> None:
        bench.events.append(event)
        if isinstance(event, StepEvent) and event.step == "backup" and event.status == "begun":
            waits.set()
            assert goes_on.wait(timeout=60)

    def work() -> None:
        desk = replace(bench.desk(), clock=SystemClock(), emit=stand_still)
        order = bench.order("migrate", "dc5", "acme")
        reports.append(launch(desk, bench.workshop, order))

    thread = threading.Thread(target=work)
    thread.start()
    assert waits.wait(timeout=60)
    yield Elsewhere(bench, waits, goes_on, thread, reports)
    goes_on.set()
    thread.join(timeout=60)


@pytest.mark.failure_mode("B13")
def test_cancel_from_another_machine_ends_at_a_safe_point_with_who_serves(running: Elsewhere) -> None:
    threading.Timer(0.3, running.goes_on.set).start()
    found = running.cancel()
    assert (found.status, found.ending, found.served[0].site) == ("cancelled", DONE, "dc3")
    assert found.can_go_back
    running.thread.join(timeout=60)
    (report,) = running.reports
    assert report.ending is CANCELLED
    assert report.open_steps
    warnings = [event.text for event in running.bench.events if isinstance(event, WarningEvent)]
    assert "eva@there asked for the run to be cancelled" in warnings
    told = [event.status for event in running.events if isinstance(event, RunEvent)]
    assert "cancelling" in told


def test_dry_run_asks_nobody(running: Elsewhere) -> None:
    found = inspect_cancel(running.bench.desk(), running.bench.workshop, "acme")
    assert (found.owner, found.served[0].site) == ("ops@here", "dc3")
    assert not [key for key in running.bench.company.stores["witness"].content if "cancel" in key]


def test_cancel_of_a_run_that_nobody_executes_is_refused(bench: Bench) -> None:
    bench.cut("after-effect:restore")
    with pytest.raises(RefusedError, match="cannot cancel 'migrate-310304-7f3a': nobody works on it") as no:
        ask_cancel(bench.desk(), bench.workshop, "7f3a")
    assert no.value.hint == ("Go on with `drp resume 7f3a`, or take it back with `drp rollback 7f3a`.")


def test_cancel_of_a_run_that_has_ended_is_refused(bench: Bench) -> None:
    bench.launch("migrate", "dc5")
    with pytest.raises(RefusedError, match="it ended as done"):
        ask_cancel(bench.desk(), bench.workshop, "7f3a")


def test_cancel_of_a_silent_machine_names_the_takeover(bench: Bench) -> None:
    bench.cut("after-effect:restore")
    bench.workshop = replace(bench.workshop, is_alive=lambda _: None)
    with pytest.raises(RefusedError, match="gives no sign of life") as no:
        ask_cancel(bench.desk(), bench.workshop, "7f3a")
    assert "`drp takeover 7f3a`" in no.value.hint


@pytest.mark.parametrize("begun", [2, 50, 70])
@pytest.mark.failure_mode("B14")
def test_every_safe_point_has_exactly_one_server(bench: Bench, begun: int) -> None:
    """Neither none nor two: a question once answered, the move goes through or has not begun."""
    assert cancel_at(bench, begun) in (CANCELLED, DONE)
    assert count_servers(bench) == 1
