"""The run of a machine that is gone, or seems to be."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from drp.commands.endings import DONE
from drp.commands.events import WarningEvent
from drp.commands.journals import read_local
from drp.commands.results import RunReport, Takeover
from drp.commands.takeover import inspect_takeover, take_over
from drp.errors import LeaseHeldError, RefusedError
from drp.witness.leases import TERM, LeaseReader, Leases
from tests.actions.test_runs import without_burnt
from tests.commands.bench import BeatingClock, Bench, deployed

RUN = "migrate-310304-7f3a"


@pytest.fixture
def elsewhere(bench: Bench) -> Bench:
    """Another machine, with an empty state folder, after the first one fell silent in the middle."""
    bench.cut("after-effect:restore")
    shutil.rmtree(bench.state)
    bench.workshop = replace(bench.workshop, is_alive=lambda _: None)
    bench.asked.clear()
    bench.events.clear()
    bench.shown.clear()
    return bench


def take(bench: Bench, word: str = "7f3a", *, back: bool = False) -> RunReport:
    return take_over(bench.desk(), bench.workshop, word, back=back)


def beat_on(bench: Bench) -> None:
    """The first machine lives after all."""
    found = LeaseReader(bench.workshop.witness).find("acme")
    assert found is not None
    leases = Leases(bench.workshop.witness, bench.company.clock, is_alive=lambda _: None)
    bench.company.clock = BeatingClock(leases, found.lease, first=100)


@pytest.mark.failure_mode("B17")
def test_takeover_waits_a_term_says_who_and_goes_on(elsewhere: Bench) -> None:
    report = take(elsewhere)
    assert report.ending is DONE
    assert report.served.site == "dc5"
    first = next(event for event in elsewhere.events if isinstance(event, WarningEvent))
    assert first.text == (
        f"{RUN} is held by ops@here since 2031-03-04T02:11:00.000Z, last sign of life "
        "2031-03-04T02:11:00+00:00: watching 15 s if it lives"
    )
    assert sum(wait.total_seconds() for wait in elsewhere.company.clock.waits[:20]) >= TERM.total_seconds()
    records = read_local(elsewhere.state / f"{RUN}.journal")
    assert sorted({record.epoch for record in records}) == [1, 2]


def test_takeover_back_leaves_the_world_of_before(elsewhere: Bench) -> None:
    report = take(elsewhere, "acme", back=True)
    assert (report.ending, report.back, report.served.site) == (DONE, True, "dc3")
    assert without_burnt(elsewhere.company.dump()) == without_burnt(deployed().dump())


@pytest.mark.failure_mode("B8")
def test_takeover_of_a_run_whose_holder_lives_is_held(elsewhere: Bench) -> None:
    beat_on(elsewhere)
    before = elsewhere.company.dump()
    with pytest.raises(LeaseHeldError, match=f"run '{RUN}' .* of ops@here works on it") as held:
        take(elsewhere)
    assert held.value.exit_code == 5
    assert elsewhere.asked == []
    assert elsewhere.company.dump() == before


def test_holder_that_wakes_up_while_the_question_stands_keeps_its_run(elsewhere: Bench) -> None:
    found = LeaseReader(elsewhere.workshop.witness).find("acme")
    assert found is not None
    leases = Leases(elsewhere.workshop.witness, elsewhere.company.clock, is_alive=lambda _: None)
    elsewhere.on_ask = lambda: leases.beat(found.lease, 100)
    with pytest.raises(LeaseHeldError):
        take(elsewhere)
    now = LeaseReader(elsewhere.workshop.witness).find("acme")
    assert now is not None
    assert now.lease == found.lease


def test_dry_run_only_looks(elsewhere: Bench) -> None:
    before = elsewhere.company.stores["witness"].dump()
    found = inspect_takeover(elsewhere.desk(), elsewhere.workshop, "7f3a", back=False)
    assert isinstance(found, Takeover)
    assert elsewhere.company.stores["witness"].dump() == before


def test_takeover_of_a_free_lease_does_not_wait(bench: Bench) -> None:
    bench.cut("after-effect:restore")
    assert take(bench).ending is DONE
    assert bench.company.clock.waits == [] or bench.company.clock.waits[0] < TERM / 15


def test_takeover_of_nothing_is_refused(bench: Bench) -> None:
    with pytest.raises(RefusedError, match="cannot take over 'zzzz': there is no such run"):
        take(bench, "zzzz")
