"""How long a run will take: from past runs, with its spread, or not at all."""

from __future__ import annotations

import pytest

from drp.commands.estimates import WORKED, estimate, expect
from drp.errors import UnreachableError
from drp.testing.objects import FakeObjects
from drp.witness.runs import RunBegin, RunEnd, Runs


def put_run(
    store: FakeObjects, number: int, seconds: float | None, *, tenant: str = "acme", verb: str = "migrate"
) -> None:
    """A run that took so long in one go; None: several processes worked at it."""
    run, runs = f"{verb}-310{number // 10}{number % 10:02}-{number:04}", Runs(store)
    runs.begin(
        RunBegin(
            run=run, scope=tenant, verb=verb, owner="ops", machine="m", began="2031-01-01T00:00:00Z",
            plan_digest="",
        )
    )  # fmt: skip
    details = {} if seconds is None else {WORKED: round(seconds * 1000)}
    runs.end(
        RunEnd(
            run=run, scope=tenant, status="done", exit_code=0, ended="2031-01-01T00:00:00Z",
            details=dict(details),
        )
    )  # fmt: skip


@pytest.mark.parametrize("lengths", [[], [200.0], [200.0, 300.0]])
def test_less_than_three_runs_are_no_estimate(lengths: list[float]) -> None:
    """Bar 32."""
    assert estimate(lengths) is None


def test_estimate_has_its_spread_and_its_error() -> None:
    """Bar 32."""
    found = estimate([100.0, 110.0, 90.0])
    assert found is not None
    assert (found.seconds, found.spread_s, found.runs) == (100.0, 10.0, 3)
    # 100 by the other two's 100; 110 by 95; 90 by 105
    assert found.off == pytest.approx((0 + 15 / 110 + 15 / 90) / 3)


@pytest.mark.parametrize("length", [0.0, 0.001])
def test_runs_of_no_length_divide_by_nothing(length: float) -> None:
    found = estimate([length] * 3)
    assert found is not None
    assert (found.seconds, found.off) == (length, 0)


def test_own_runs_count_before_those_of_others() -> None:
    store = FakeObjects()
    for number in range(3):
        put_run(store, number, 60, tenant="globex")
    others = expect(Runs(store), "migrate", "acme")
    for number in range(3, 6):
        put_run(store, number, 240)
    own = expect(Runs(store), "migrate", "acme")
    assert others is not None
    assert own is not None
    assert (others.seconds, own.seconds) == (60, 240)


def test_other_verbs_and_runs_of_several_processes_do_not_count() -> None:
    store = FakeObjects()
    for number in range(4):
        put_run(store, number, None)
    assert expect(Runs(store), "migrate", "acme") is None
    for number in range(4, 7):
        put_run(store, number, 60)
    assert expect(Runs(store), "retire", "acme") is None


def test_only_the_newest_runs_count() -> None:
    store = FakeObjects()
    for number in range(1, 10):
        put_run(store, number, 1000)
    for number in range(10, 20):
        put_run(store, number, 60)
    found = expect(Runs(store), "migrate", "acme")
    assert found is not None
    assert (found.seconds, found.runs) == (60, 10)


def test_witness_that_cannot_be_read_is_no_reason_to_refuse() -> None:
    store = FakeObjects()
    store.fail_next("list", UnreachableError("cannot reach 'witness': no answer"), times=9)
    assert expect(Runs(store), "migrate", "acme") is None
