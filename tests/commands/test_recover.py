"""A process that died in the middle of a move, and the one that takes over."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

import pytest

from drp.commands.assignment import header_of
from drp.commands.endings import AS_BEFORE, DONE
from drp.commands.events import WarningEvent
from drp.commands.journals import read_local
from drp.commands.results import Takeover
from drp.engine.fold import fold
from drp.engine.journal import JournalError
from drp.errors import LeaseHeldError, RefusedError
from drp.model.values import JsonMap
from drp.witness.journal_copy import JournalCopy, JournalCopyReader
from drp.witness.leases import LeaseReader, Leases
from tests.actions.test_runs import without_burnt
from tests.commands.bench import BeatingClock, Bench, deployed

EARLY = (
    "before:volume/acme-e0002-mongodb",
    "after-effect:volume/acme-e0002-mongodb",
    "after-start:restore",
    "after-effect:restore",
    "after-start:stop-api",
    "after-end:stop-api",
)
"""Fault points of a migration from which there is a way back."""
LATE = (
    "after-start:route/h1",
    "after-effect:route/h1",
    "before:switch/acme.example.test",
    "after-effect:switch/acme.example.test",
)
"""And from which there is none."""


def serves_dc5(bench: Bench) -> bool:
    return bench.status("acme").served[0].site == "dc5"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> JsonMap:
    """The world after a migration that nothing came between."""
    bench = Bench(tmp_path_factory.mktemp("undisturbed") / "state")
    bench.launch("migrate", "dc5")
    return bench.company.dump()


@pytest.mark.parametrize("point", EARLY + LATE)
def test_resume_ends_as_an_undisturbed_run(bench: Bench, undisturbed: JsonMap, point: str) -> None:
    bench.cut(point)
    report = bench.recover("7f3a")
    assert report.ending is DONE
    assert bench.company.dump() == undisturbed


@pytest.mark.parametrize("point", [EARLY[3], LATE[1]])
@pytest.mark.failure_mode("B4")
def test_resume_on_another_machine_needs_only_the_witness(tmp_path: Path, point: str) -> None:
    bench = Bench(tmp_path / "state")
    bench.cut(point)
    shutil.rmtree(bench.state)
    report = bench.recover()
    assert report.ending is DONE
    assert serves_dc5(bench)
    records = read_local(bench.state / f"{report.run}.journal")
    assert records[0].kind == "plan"
    assert [record.kind for record in records[-2:]] == ["ended", "judged"]


@pytest.mark.parametrize("point", EARLY)
def test_rollback_leaves_the_world_of_before(tmp_path: Path, point: str) -> None:
    before = deployed().dump()
    bench = Bench(tmp_path / "state")
    bench.cut(point)
    report = bench.recover("acme", back=True)
    assert report.ending is DONE
    assert report.back
    assert report.served.site == "dc3"
    assert without_burnt(bench.company.dump()) == without_burnt(before)


def test_rollback_after_the_final_step_is_refused(bench: Bench) -> None:
    bench.cut("after-start:route/h1")
    world = bench.company.dump()
    bench.asked.clear()
    with pytest.raises(RefusedError, match=r"cannot roll back .*7f3a': its final step has begun"):
        bench.recover("7f3a", back=True)
    assert bench.asked == []
    assert bench.company.dump() == world


def test_takeover_shows_what_was_found(bench: Bench) -> None:
    bench.cut("after-effect:restore")
    bench.answers = [False]
    bench.shown.clear()
    with pytest.raises(RefusedError, match="the answer was no"):
        bench.recover()
    (found,) = bench.shown
    assert isinstance(found, Takeover)
    assert (found.source, found.target, found.owner) == ("dc3/h1", "dc5/h3", "ops@here")
    assert found.doubtful.keys() == {"restore"}
    assert found.served.site == "dc3"
    assert not found.past_final
    assert 0 < found.done < found.total


def test_resume_of_a_run_that_failed_and_went_back_is_refused(bench: Bench) -> None:
    bench.company.databases.damage_restored = lambda state: state["users"].clear()
    report = bench.launch("migrate", "dc5")
    assert report.ending is AS_BEFORE
    with pytest.raises(RefusedError, match="it ended as as-before at"):
        bench.recover(report.run)


def test_resume_of_nothing_is_refused(bench: Bench) -> None:
    with pytest.raises(RefusedError, match="cannot resume 'a run': no run is open"):
        bench.recover()
    with pytest.raises(RefusedError, match="cannot resume 'zzzz': there is no such run"):
        bench.recover("zzzz")


def test_resume_while_the_first_process_beats_is_held(bench: Bench) -> None:
    bench.cut(EARLY[0])
    bench.workshop = replace(bench.workshop, is_alive=lambda _: None)
    found = LeaseReader(bench.workshop.witness).find("acme")
    assert found is not None
    assert not found.is_ended
    leases = Leases(bench.workshop.witness, bench.company.clock, is_alive=lambda _: None)
    bench.company.clock = BeatingClock(leases, found.lease, first=100)
    with pytest.raises(LeaseHeldError, match=r"run .*7f3a' .* of ops@here works on it"):
        bench.recover()


def test_resume_of_a_run_that_seems_held_is_left_to_takeover(bench: Bench) -> None:
    bench.cut(EARLY[0])
    bench.workshop = replace(bench.workshop, is_alive=lambda _: None)
    with pytest.raises(LeaseHeldError) as held:
        bench.recover()
    assert "`drp takeover 7f3a`" in held.value.hint
    assert bench.company.clock.waits == []


def test_run_that_went_on_while_the_question_stood_is_left_alone(bench: Bench) -> None:
    bench.cut(EARLY[0])
    quicker = Bench(bench.state, bench.company)
    bench.on_ask = quicker.recover
    with pytest.raises(RefusedError, match="another process went on with it meanwhile"):
        bench.recover()
    assert serves_dc5(bench)


def test_journal_that_tells_another_story_is_not_followed(bench: Bench) -> None:
    bench.cut(EARLY[0])
    other = Bench(bench.state.parent / "other")
    other.company.clock.advance(timedelta(seconds=1))
    other.cut(EARLY[0])
    shutil.rmtree(bench.state)
    shutil.copytree(other.state, bench.state)
    with pytest.raises(JournalError, match="is not the one in the witness"):
        bench.recover()


def lose_the_end(bench: Bench, run: str, *, kept: int) -> None:
    """The machine is gone, and the copy in the witness ends with that record."""
    shutil.rmtree(bench.state)
    content = bench.company.stores["witness"].content
    records = JournalCopyReader(bench.workshop.witness).load(run)[:kept]
    for key in [key for key in content if key.startswith(f"journals/{run}/")]:
        del content[key]
    copy = JournalCopy(bench.workshop.witness, run, lease=lambda: 1)
    copy.add(records)
    copy.flush()


@pytest.mark.parametrize(("point", "back"), [(EARLY[1], False), (EARLY[1], True), (EARLY[5], True)])
@pytest.mark.failure_mode("B5")
def test_records_that_never_reached_the_witness_leave_nothing_behind(
    tmp_path: Path, undisturbed: JsonMap, point: str, back: bool
) -> None:
    """The copy knows of the epoch's claim and of nothing that was made after it."""
    before = deployed().dump()
    bench = Bench(tmp_path / "state")
    bench.cut(point)
    claim = [r.step == "claim" for r in read_local(bench.state / "migrate-310304-7f3a.journal")].index(True)
    lose_the_end(bench, "migrate-310304-7f3a", kept=claim + 1)
    report = bench.recover("7f3a", back=back)
    assert report.ending is DONE
    if back:
        assert without_burnt(bench.company.dump()) == without_burnt(before)
    else:
        assert bench.company.dump() == undisturbed
    (warning,) = [event for event in bench.events if isinstance(event, WarningEvent)]
    assert "may be missing" in warning.text


def test_damaged_journal_is_kept_aside_and_built_anew(bench: Bench) -> None:
    bench.cut(EARLY[3])
    path = bench.state / "migrate-310304-7f3a.journal"
    damaged = path.read_bytes()[:-5000]
    path.write_bytes(damaged)
    assert bench.recover().ending is DONE
    assert path.with_name(f"{path.name}.damaged-1").read_bytes() == damaged
    texts = [event.text for event in bench.events if isinstance(event, WarningEvent)]
    assert any("rebuilt from the witness" in text for text in texts)
    assert [record.seq for record in read_local(path)] == [*range(1, len(read_local(path)) + 1)]


def test_damaged_journal_without_a_copy_is_refused(bench: Bench) -> None:
    bench.cut(EARLY[3])
    path = bench.state / "migrate-310304-7f3a.journal"
    path.write_bytes(path.read_bytes()[:-5000])
    content = bench.company.stores["witness"].content
    for key in [key for key in content if key.startswith("journals/")]:
        del content[key]
    with pytest.raises(JournalError, match="the witness has no copy of it"):
        bench.recover()


def test_every_record_says_who_and_under_which_lease_and_the_first_on_what(bench: Bench) -> None:
    report = bench.launch("migrate", "dc5")
    records = read_local(bench.state / f"{report.run}.journal")
    assert {(record.actor, record.epoch) for record in records} == {("ops@here", 1)}
    header = header_of(records)
    assert header["plan"] == fold(records).plan.digest()
    assert header["inventory"] == bench.company.inventory.digest
    assert header["drp"] == version("drp")
