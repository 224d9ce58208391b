"""Real faults while a tenant moves: what passes is outlasted, what stays is taken back, and nobody guesses.

How long a run and its slow steps took is printed; every run ends, or the test does.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.lab.company import Company
from tests.lab.faults import (
    NEEDS_A_LOOK,
    Move,
    begin_move,
    cut_line,
    find_serving,
    finish_cleanly,
    full_volumes,
    lost_answers,
    lost_requests,
    retire_old,
)
from tests.lab.world import compare_worlds, dump_world


@pytest.fixture(scope="module")
def tenant(company: Company) -> str:
    """Deployed and filled; the tests of this file move it on and on."""
    name = company.lab.names.tenants[0]
    company.ensure_deployed(name)
    return name


def test_faults_that_pass_are_outlasted(company: Company, tenant: str) -> None:
    """One move with a fault in every stage, while a client writes: it arrives, and no write is lost."""
    client = company.client(tenant)
    client.start_writing()
    try:
        move = begin_move(company, tenant)
        disturb(move)
        finished = move.watched.finish()
    finally:
        client.stop_writing()
    assert finished.code == 0, finished.said
    assert finished.data["serves"] == move.there == find_serving(company, tenant)
    verified = client.verify()
    assert verified.lost == []
    assert verified.refused == 0, verified.refusals
    retire_old(company, tenant, move.here)
    assert find_serving(company, tenant) == move.there


def disturb(move: Move) -> None:
    """Each fault stays until it was met, then goes."""
    lab = move.company.lab
    move.await_step("create/*")
    with lost_answers(move.company, move.target):
        move.await_retry("*")
    with lab.store.spoiling() as spoiling:
        spoiling.order("busy", buckets=["backups", "keys"], times=8)
        move.await_step("backup", "done")
        assert len(spoiling.spoilt()) == 8
        spoiling.order("cut", buckets=["backups"], methods=["GET"], times=3)
        move.watched.await_(lambda: len(spoiling.spoilt()) == 11, "cut bodies")
    with cut_line(move.target):
        move.await_retry("restore")
    move.await_step("route/*")
    with cut_line(move.source):
        move.await_retry("*", stage="dns-switch")


@pytest.mark.failure_mode("C8")
def test_a_full_disk_takes_the_move_back(company: Company, tenant: str) -> None:
    before = dump_world(company.lab)
    move = begin_move(company, tenant)
    with full_volumes(company, move.there, free=2_000_000):
        move.await_end()
    finished = move.watched.finish()
    assert finished.code == 6, finished.said
    assert "full" in finished.said
    assert finished.data["serves"] == move.here == find_serving(company, tenant)
    assert compare_worlds(before, dump_world(company.lab)) == []


@pytest.mark.certificate
def test_a_target_that_is_gone_needs_hands_and_is_then_taken_back(company: Company, tenant: str) -> None:
    """Nothing can be removed where nobody answers; once somebody does, all of it is."""
    before = dump_world(company.lab)
    move = begin_move(company, tenant)
    move.await_step("create/*")
    with cut_line(move.target):
        move.await_end()
    finished = move.watched.finish()
    assert finished.code == 7, finished.said
    assert finished.data["serves"] == move.here == find_serving(company, tenant)
    finish_cleanly(company, "rollback", tenant)
    assert find_serving(company, tenant) == move.here
    assert compare_worlds(before, dump_world(company.lab)) == []


def test_a_witness_that_is_away_makes_a_run_wait_and_no_client(company: Company, tenant: str) -> None:
    """Longer than the term of its lease: nothing begins until it is proven that nobody took the tenant."""
    move = begin_move(company, tenant)
    move.await_step("create/*")
    with company.lab.store.stopped("versitygw"):
        move.await_status("pausing")
        assert company.client(tenant).ask("GET", "/health")["status"] == 200
    finished = move.watched.finish()
    assert finished.code == 0, finished.said
    assert find_serving(company, tenant) == move.there
    retire_old(company, tenant, move.here)


@pytest.mark.certificate
def test_a_witness_that_stays_silent_leaves_the_run_open_and_no_client_alone(
    company: Company, tenant: str
) -> None:
    """Without it nobody can prove who serves, and drp says so; the tenant is served on."""
    move = begin_move(company, tenant)
    move.await_step("create/*")
    with company.lab.store.stopped("versitygw"):
        move.await_end()
        answer = company.client(tenant).ask("GET", "/health")
        assert answer["status"] == 200
    finished = move.watched.finish()
    assert finished.code == 10, finished.said
    assert finished.data["serves"] == "unknown"
    assert find_serving(company, tenant) == move.here
    finish_cleanly(company, "resume", tenant)
    assert find_serving(company, tenant) == move.there
    retire_old(company, tenant, move.here)


# ---- the certificate: each fault at each moment, for a while and to the end

Fault = Callable[[Move], contextlib.AbstractContextManager[object]]


@contextlib.contextmanager
def _spoilt(move: Move, fault: str) -> Iterator[None]:
    with move.company.lab.store.spoiling() as spoiling:
        spoiling.order(fault, buckets=["backups", "keys"])
        yield


FAULTS: dict[str, Fault] = {
    "line": lambda move: cut_line(move.target),
    "source-line": lambda move: cut_line(move.source),
    "answers": lambda move: lost_answers(move.company, move.target),
    "requests": lambda move: lost_requests(move.company, move.target),
    "dockerd": lambda move: move.target.stopped("dockerd"),
    "containerd": lambda move: move.target.stopped("containerd"),
    "source-dockerd": lambda move: move.source.stopped("dockerd"),
    "killed": lambda move: move.target.killed_engine(),
    "store": lambda move: move.company.lab.store.stopped("versitygw"),
    "busy": lambda move: _spoilt(move, "busy"),
    "mute": lambda move: _spoilt(move, "mute"),
    "cut": lambda move: _spoilt(move, "cut"),
}


@dataclass(frozen=True)
class Case:
    """A fault that begins with a step, and stays until a step is retried, or until the run has ended."""

    fault: str
    step: str
    stays: bool

    def __str__(self) -> str:
        return f"{self.fault} at {self.step} {'to the end' if self.stays else 'for a while'}"


STEPS = {
    "line": ("network/*", "restore", "final-restore", "route/*"),
    "source-line": ("backup", "hold/*", "final-backup", "route/*"),
    "answers": ("volume/*", "restore", "route/*"),
    "requests": ("secrets", "final-restore"),
    "dockerd": ("create/*", "restore", "start-api"),
    "containerd": ("start/*", "restore"),
    "source-dockerd": ("stop-api", "final-backup"),
    "killed": ("create/*", "restore"),
    "store": ("backup", "final-backup", "serve"),
    "busy": ("backup", "restore"),
    "mute": ("backup", "final-restore"),
    "cut": ("restore",),
}
CASES = [Case(fault, step, stays) for fault in FAULTS for step in STEPS[fault] for stays in (False, True)]


@pytest.mark.certificate
@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_fault_ends_in_a_world_that_is_clean_and_known(
    company: Company, tenant: str, case: Case
) -> None:
    """Whatever the run said while the fault lasted was true; once it is gone, one command puts all right."""
    before = dump_world(company.lab)
    move = begin_move(company, tenant)
    move.await_step(case.step)
    with FAULTS[case.fault](move):
        move.await_end() if case.stays else move.await_retry_or_end()
    finished = move.watched.finish()
    print(case, finished.code, finished.data.get("serves"))
    assert finished.code in {0, 6} | NEEDS_A_LOOK, finished.said
    if finished.code in NEEDS_A_LOOK:
        assert finished.data["serves"] in (move.here, move.there, "unknown"), finished.said
        finish_cleanly(company, "resume", tenant)
    serving = find_serving(company, tenant)
    if finished.code in (0, 6):
        assert finished.data["serves"] == serving == (move.there if finished.code == 0 else move.here)
    if serving == move.there:
        retire_old(company, tenant, move.here)
    else:
        assert compare_worlds(before, dump_world(company.lab)) == []
