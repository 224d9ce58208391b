"""Plans that wait for somebody's yes."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from drp.commands import launch
from drp.commands.approval import approve, is_approved
from drp.commands.endings import DONE, WAITING
from drp.commands.journals import read_local
from drp.commands.recover import find_entry
from drp.commands.results import Listing, Review, RunReport
from drp.errors import RefusedError, WaitingError
from drp.model.values import JsonMap
from drp.testing.company import FakeCompany
from drp.witness.epochs import Claim, Epochs
from drp.witness.leases import LeaseReader
from tests.actions.test_runs import without_burnt
from tests.commands.bench import Bench

RUN = "migrate-310304-7f3a"


def postpone(bench: Bench, verb: str = "migrate", site: str = "dc5") -> RunReport:
    return launch.launch(bench.desk(), bench.workshop, bench.order(verb, site, "acme"), later=True)


def say_yes(bench: Bench, operator: str = "eva@there") -> Listing:
    begin = find_entry(bench.workshop, "7f3a", verb="approve").begin
    return approve(replace(bench.desk(), operator=operator), bench.workshop, begin)


@pytest.fixture
def waiting(bench: Bench) -> Bench:
    assert postpone(bench).ending is WAITING
    return bench


def test_postponed_plan_asks_nobody_touches_nothing_and_waits(bench: Bench) -> None:
    before = bench.company.dump()
    report = postpone(bench)
    assert (report.ending, report.served.site, report.next) == (WAITING, "dc3", "drp approve 7f3a")
    assert bench.asked == []
    assert bench.company.dump() == before
    assert [run.status for run in bench.status().runs] == ["waiting"]
    lease = LeaseReader(bench.workshop.witness).find("acme")
    assert lease is not None
    assert lease.is_ended


def test_waiting_run_is_not_begun_by_resume(waiting: Bench) -> None:
    with pytest.raises(WaitingError, match="nobody has approved it yet") as no:
        waiting.recover("7f3a")
    assert no.value.exit_code == 8
    assert waiting.asked == []


@pytest.mark.parametrize("is_same_machine", [True, False])
def test_approved_run_is_begun_by_resume_without_another_question(
    waiting: Bench, tmp_path: Path, is_same_machine: bool
) -> None:
    """Approved on one machine, with an empty state folder; started on either."""
    there = Bench(tmp_path / "there", waiting.company)
    said = say_yes(there)
    shown = there.shown[0]
    assert isinstance(shown, Review)
    assert said.data == {"run": RUN, "plan": shown.digest, "by": "eva@there"}
    assert [question.text for question in there.asked] == ["Move acme to dc5?"]
    assert [run.status for run in waiting.status().runs] == ["approved"]

    starter = waiting if is_same_machine else there
    starter.asked.clear()
    report = starter.recover("7f3a")
    assert (report.ending, report.served.site, starter.asked) == (DONE, "dc5", [])
    answers = [r for r in read_local(starter.state / f"{RUN}.journal") if r.kind == "answer"]
    assert {(r.actor, r.data["answer"]) for r in answers} == {("eva@there", "yes, eva@there")}


def test_no_leaves_it_waiting(waiting: Bench) -> None:
    waiting.answers = [False]
    with pytest.raises(RefusedError, match="the answer was no"):
        say_yes(waiting)
    assert [run.status for run in waiting.status().runs] == ["waiting"]


def move_the_world(bench: Bench) -> None:
    claim = Claim(
        tenant="acme", epoch=2, run="other", site="dc5", host="h4", actor="x", time="now", digest=""
    )
    Epochs(bench.workshop.witness).claim(claim)


def test_approval_of_a_stale_plan_is_refused(waiting: Bench) -> None:
    move_the_world(waiting)
    with pytest.raises(RefusedError, match=r"cannot apply plan '\w{4}-\w{4}': .*, planned "):
        say_yes(waiting)


def test_approved_plan_is_void_once_the_world_has_moved(waiting: Bench) -> None:
    say_yes(waiting)
    move_the_world(waiting)
    before = waiting.company.dump()
    with pytest.raises(RefusedError, match=r"cannot apply plan '\w{4}-\w{4}': .*, planned "):
        waiting.recover("7f3a")
    assert waiting.company.dump() == before


def test_approval_of_another_plan_does_not_count(waiting: Bench) -> None:
    say_yes(waiting)
    forged = read_local(waiting.state / f"{RUN}.journal")
    header: JsonMap = {**forged[0].data["header"], "world": "0000-0000"}  # type: ignore[dict-item]
    records = [replace(forged[0], data={**forged[0].data, "header": header}), *forged[1:]]
    assert is_approved(forged)
    assert not is_approved(records)


def test_approving_twice_is_refused(waiting: Bench) -> None:
    say_yes(waiting)
    with pytest.raises(RefusedError, match="eva@there approved it at"):
        say_yes(waiting)


def test_plan_without_questions_is_approved_as_a_whole(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "state", FakeCompany())
    postpone(bench, "deploy", "dc3")
    say_yes(bench)
    assert [question.text for question in bench.asked] == ["Deploy acme?"]
    assert bench.recover("7f3a").ending is DONE


def test_waiting_run_is_dropped_by_rollback(waiting: Bench) -> None:
    before = waiting.company.dump()
    report = waiting.recover("7f3a", back=True)
    assert (report.ending, report.back) == (DONE, True)
    assert without_burnt(waiting.company.dump()) == without_burnt(before)
    assert waiting.status().runs == ()


def test_run_that_does_not_wait_cannot_be_approved(bench: Bench) -> None:
    bench.cut("after-effect:restore")
    shutil.rmtree(bench.state)
    with pytest.raises(RefusedError, match="it does not wait for approval"):
        say_yes(bench)
