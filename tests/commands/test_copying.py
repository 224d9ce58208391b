"""The copy of a journal in the witness."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from drp.commands.copying import CopyHook, catch_up
from drp.engine.journal import Draft, MemoryJournal, Record, Stamp
from drp.errors import DeniedError, UnreachableError
from drp.model.plan import Plan, Step
from drp.testing.clock import ManualClock
from drp.testing.objects import FakeObjects
from drp.witness.journal_copy import CopiedRecord, JournalCopy, JournalCopyReader

RUN = "migrate-310304-7f3a"
CLOCK = ManualClock()


def step(name: str, action: str, *, final: bool = False) -> Step:
    return Step(id=name, action=action, params={}, stage="s", deadline=timedelta(seconds=1), final=final)


PLAN = Plan(
    run=RUN,
    runbook="migrate",
    tenant="acme",
    inputs={},
    steps=(step("look", "check.host"), step("claim", "epoch.claim"), step("route", "edge.route", final=True)),
)


def records(*drafts: Draft) -> list[Record]:
    return MemoryJournal().append(drafts, Stamp(time=CLOCK.now(), actor="ops", epoch=1))


def hook(store: FakeObjects, begin: Callable[[], None] = lambda: None) -> CopyHook:
    return CopyHook(JournalCopy(store, RUN), CLOCK, PLAN, begin=begin)


def copied(found: Sequence[Record]) -> list[CopiedRecord]:
    return [CopiedRecord(record.seq, record.to_bytes()) for record in found]


@pytest.mark.parametrize(
    ("draft", "is_safe"),
    [
        (Draft(kind="plan"), True),
        (Draft(kind="answer", step="route"), True),
        (Draft(kind="turn"), True),
        (Draft(kind="start", step="look", attempt=1), False),
        (Draft(kind="done", step="look", attempt=1), False),
        (Draft(kind="start", step="claim", attempt=1), True),
        (Draft(kind="start", step="route", attempt=1), True),
        (Draft(kind="undo", step="route", attempt=1), True),
    ],
)
def test_what_must_be_in_the_witness_before_its_effect(draft: Draft, is_safe: bool) -> None:
    store = FakeObjects()
    hook(store)(records(draft))
    assert bool(store.list("journals/")) is is_safe


def test_run_is_announced_once_its_plan_is_in_the_witness() -> None:
    store, seen = FakeObjects(), []
    announcing = hook(store, lambda: seen.append(len(store.list("journals/"))))
    announcing(records(Draft(kind="plan"), Draft(kind="answer", step="route")))
    announcing(records(Draft(kind="start", step="claim", attempt=1)))
    assert seen == [1]


def test_witness_that_is_silent_for_a_moment_is_asked_again() -> None:
    store = FakeObjects()
    store.fail_next("put_once", UnreachableError("cannot reach the witness"), times=2)
    hook(store)(records(Draft(kind="plan")))
    assert JournalCopyReader(store).head(RUN) is not None


@pytest.mark.failure_mode("B18")
def test_witness_that_stays_silent_stops_the_step() -> None:
    store = FakeObjects()
    store.fail_next("put_once", UnreachableError("cannot reach the witness"), times=999)
    with pytest.raises(UnreachableError):
        hook(store)(records(Draft(kind="plan")))


def test_witness_that_says_no_is_not_asked_again() -> None:
    store = FakeObjects()
    store.fail_next("put_once", DeniedError("cannot write"))
    with pytest.raises(DeniedError):
        hook(store)(records(Draft(kind="plan")))


@pytest.mark.parametrize("already", [0, 2, 5])
def test_copy_of_a_dead_process_is_completed_without_a_gap(already: int) -> None:
    store, written = FakeObjects(), records(*[Draft(kind="resumed") for _ in range(6)])
    dead = JournalCopy(store, RUN)
    dead.add(copied(written[:already]))
    dead.flush()
    copy = JournalCopy(store, RUN)
    catch_up(copy, RUN, written[:5])
    copy.add(copied(written[5:]))
    copy.flush()
    assert JournalCopyReader(store).load(RUN) == copied(written)
