"""A move that is killed at one named point after the other, and the world that an undisturbed one leaves."""

from __future__ import annotations

import contextlib
import itertools
import os
import pty
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drp.engine.faults import VARIABLE
from tests.lab.company import Company
from tests.lab.console import Finished, Operator
from tests.lab.lab import Lab
from tests.lab.watching import Watched
from tests.lab.world import compare_worlds, dump_world, list_objects

Picture = dict[str, Any]


def stay(operator: Operator) -> Iterator[Operator]:
    """The same machine goes on each time, with what it has on its disk."""
    return itertools.repeat(operator)


def take_turns(company: Company) -> Iterator[Operator]:
    """Another machine goes on each time, and has nothing on its disk."""
    for machine in itertools.cycle([company.lab.ops1, company.lab.ops2]):
        yield company.newcomer(machine)


def kill_along(
    points: Sequence[str], operators: Iterator[Operator], *, first: Sequence[str], then: Sequence[str]
) -> list[Finished]:
    """Give the order ``first``, and from then on ``then``, each killed at its point. The last stays killed.

    Raises AssertionError when a point was not met.
    """
    found = []
    for number, point in enumerate(points):
        killed = next(operators).try_drp(*(then if number else first), "--yes", env={VARIABLE: point})
        assert killed.was_killed, f"{point} was not met: exit {killed.code}: {killed.said}"
        found.append(killed)
    return found


def kill_beside_helper(operator: Operator, job: str, *words: str) -> None:
    """Begin a command and kill it while its helper for that job runs: the helper goes on alone."""
    run = Watched.begin(operator, *words, "--yes", log=operator.state.parent / "beside-helper.log")
    run.await_(lambda: any(h.endswith(f"-helper-{job}") for h in find_helpers(operator.lab)), f"helper {job}")
    kill(run.process)


def kill_at_question(operator: Operator, *words: str) -> None:
    """Type a command at a terminal and kill it where it waits for an answer."""
    log = operator.state.parent / "question.log"
    control, terminal = pty.openpty()
    try:
        drp = operator.machine.popen(
            *operator.words(*words), stdin=terminal, log=log, env=operator.environment()
        )
        wait_for(lambda: "[y/N]" in log.read_text() or drp.poll() is not None)
        assert drp.poll() is None, log.read_text()
        kill(drp)
        log.unlink()
    finally:
        os.close(control)
        os.close(terminal)


def kill_within(operator: Operator, words: Sequence[str], seconds: float) -> bool:
    """Begin a command and kill it after so long; False when it had ended before that."""
    log = operator.state.parent / "killed.log"
    drp = operator.begin(*words, "--yes", log=log)
    try:
        code = drp.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        kill(drp)
        return True
    assert code == 0, log.read_text()[-3000:]
    return False


def kill(entered: subprocess.Popen[bytes]) -> None:
    """SIGKILL to what runs in the machine; the one who entered it then ends too."""
    tell(entered, signal.SIGKILL)
    entered.wait()


def tell(entered: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """A signal to what runs in the machine, not to the one who entered it."""
    for child in Path(f"/proc/{entered.pid}/task/{entered.pid}/children").read_text().split():
        os.kill(int(child), number)


def find_helpers(lab: Lab) -> list[str]:
    """Names of the helpers that stand on all hosts."""
    found: list[str] = []
    for host in lab.hosts.values():
        with contextlib.closing(host.open_client()) as engine:
            helpers = engine.api.containers(all=True, filters={"label": "drp.role=helper"})
            found += [helper["Names"][0].lstrip("/") for helper in helpers]
    return found


def go_on(operator: Operator, *words: str, code: int = 0) -> Finished:
    """Let a command come to its end. Raises AssertionError when it ends with another code."""
    finished = operator.try_drp(*words, "--yes")
    assert finished.code == code, finished.said
    return finished


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Poll until it holds. Raises AssertionError."""
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "waited in vain"
        time.sleep(0.05)


@dataclass(frozen=True, slots=True, kw_only=True)
class Undisturbed:
    """A tenant's worlds in peace; ``refused`` is what another machine was told meanwhile.

    ``pictures``: site -> the world when it was moved there and the old stack is retired.
    """

    pictures: dict[str, Picture]
    refused: Finished


def move_in_peace(company: Company, tenant: str) -> Undisturbed:
    """Move it to the other site and retire the old stack, while another machine wants to do the same."""
    here, there = company.other_site(tenant)
    known = list_objects(company.lab)
    before = dump_world(company.lab, known)
    words = ("migrate", tenant, "--to", there, "--yes")
    moving = Watched.begin(company.ops1, *words, log=company.folder / f"peace-{tenant}.jsonl")
    moving.await_step("claim", "done")
    refused = company.ops2.try_drp(*words)
    finished = moving.finish()
    assert finished.code == 0, finished.said
    company.retire_old(tenant)
    after = dump_world(company.lab, known)
    # it was deployed here: a move to here would have left the same backups
    return Undisturbed(
        pictures={there: after, here: {**before, "buckets": after["buckets"]}}, refused=refused
    )


class Trial:
    """A move under power cuts, from before its begin to its judgement."""

    def __init__(self, company: Company, tenant: str) -> None:
        self._company, self._tenant = company, tenant
        self._client = company.client(tenant)
        written = len(self._client.records())
        self._client.start_writing()
        # one of its own, not of a writer before it: who is stopped before that may not hear of it
        wait_for(lambda: len(self._client.records()) > written)
        self._client.stop_writing()
        self.here, self.there = company.other_site(tenant)
        self._known = list_objects(company.lab)
        self.before = dump_world(company.lab, self._known)

    @property
    def order(self) -> tuple[str, ...]:
        return ("migrate", self._tenant, "--to", self.there)

    def check_moved(self, undisturbed: Undisturbed) -> None:
        """Served there, nothing lost, and the world that of an undisturbed move. Raises AssertionError."""
        assert self._company.other_site(self._tenant)[0] == self.there
        self._company.retire_old(self._tenant)
        self._check_world({**undisturbed.pictures[self.there], "content": self.before["content"]})
        self._check_client()

    def check_as_before(self) -> None:
        """Served here, and nothing is left of the move. Raises AssertionError."""
        assert self._company.other_site(self._tenant)[0] == self.here
        self._check_world(self.before)
        self._check_client()

    def _check_world(self, expected: Picture) -> None:
        differences = compare_worlds(expected, dump_world(self._company.lab, self._known))
        assert not differences, "\n".join(differences)

    def _check_client(self) -> None:
        """It finds what it wrote, and can write."""
        verified = self._client.verify()
        assert (verified.lost, verified.refused) == ([], 0)
        assert verified.acknowledged
        assert self._client.ask("PUT", "/items/after", body='{"value": "after"}')["status"] == 200
        assert self._client.ask("GET", "/items/after")["status"] == 200
