from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import drp.engine
from drp.engine.fold import ARROWS, RunState, StageSpans, fold
from drp.engine.journal import Draft, Head, JournalError, MemoryJournal, Record, Stamp, build_records
from drp.engine.tasks import Failed
from drp.model.values import JsonMap
from drp.testing.blocks import build_plan, build_step

MOMENT = datetime(2031, 3, 4, 2, 11, tzinfo=UTC)
PLAN = build_plan(build_step("a"), build_step("f", "a", stage="switch", final=True))
FAILURE = Failed(error="RejectedError", message="no").to_json()


def records(*drafts: Draft) -> list[Record]:
    first = Draft(kind="plan", data={"format": 1, "plan": PLAN.to_json()})
    stamp = Stamp(time=MOMENT, actor="me@here", epoch=7)
    return [record for record, _ in build_records(Head(), [first, *drafts], stamp)]


def step(kind: str, name: str = "a", attempt: int = 1) -> Draft:
    data: JsonMap = {"outputs": {"x": 1}} if kind in ("done", "already") else {}
    return Draft(kind=kind, step=name, attempt=attempt, data={**data, "failure": FAILURE})


def test_table_in_readme_is_the_table_in_code() -> None:
    text = (Path(drp.engine.__file__).parent / "README.md").read_text()
    table = text.split("## States")[1].split("\n\n")[1]
    rows = re.findall(r"^\| (\S+) \| (\S+) \| (\S+) \|$", table, re.MULTILINE)[1:]

    assert {(state, kind): after for state, kind, after in rows} == dict(ARROWS)
    assert len(rows) == len(ARROWS)


def test_fold_gives_the_plan_back() -> None:
    assert fold(records()).plan == PLAN


def test_fold_follows_a_step_through_failure_and_back() -> None:
    state = fold(records(step("start"), step("again"), step("start", attempt=2), step("failed", attempt=2)))

    found = state.steps["a"]
    assert (found.status, found.begun, found.attempts, found.failures) == ("failed", True, 2, 2)
    assert state.failure is not None
    assert (state.failure.step, state.failure.stage, state.failure.cause.message) == ("a", "stage", "no")


def test_fold_keeps_outputs_and_knows_what_was_begun() -> None:
    state = fold(records(step("already"), step("start", "f"), step("done", "f")))

    assert (state.steps["a"].outputs, state.steps["a"].begun) == ({"x": 1}, False)
    assert (state.steps["f"].outputs, state.steps["f"].begun) == ({"x": 1}, True)


@pytest.mark.parametrize("kind", ["start", "already"])
def test_final_step_begun_or_found_done_is_past_the_point_of_no_return(kind: str) -> None:
    assert not fold(records(step("start"), step("done"))).past_final
    assert fold(records(step("start"), step("done"), step(kind, "f"))).past_final


def test_fold_of_run_records() -> None:
    state = fold(
        records(
            Draft(kind="answer", step="f", data={"answer": "yes"}),
            Draft(kind="cancel"),
            Draft(kind="turn", data={"reason": "asked"}),
            Draft(kind="ended", data={"outcome": "rolled-back"}),
        )
    )

    assert (state.answers, state.cancelling, state.back, state.ended) == (
        {"f": "yes"},
        True,
        True,
        "rolled-back",
    )


def test_resumed_run_has_neither_ended_nor_been_cancelled() -> None:
    ended = Draft(kind="ended", data={"outcome": "cancelled"})
    state = fold(records(Draft(kind="cancel"), ended, Draft(kind="resumed")))

    assert (state.cancelling, state.ended) == (False, None)


@pytest.mark.parametrize(
    ("draft", "text"),
    [
        (step("done"), "cannot record 'done' of step 'a': it is pending"),
        (step("start", "z"), "cannot record 'start' of step 'z': it is not in the plan"),
        (Draft(kind="dance"), "cannot record 'dance': no such kind of record"),
    ],
)
def test_record_that_cannot_follow_is_refused(draft: Draft, text: str) -> None:
    with pytest.raises(JournalError) as caught:
        fold(records(draft))

    assert str(caught.value) == f"cannot follow record 2 of 'run-1': {text}"


def test_journal_without_plan_is_refused() -> None:
    with pytest.raises(JournalError, match="does not begin with a plan"):
        fold(records()[1:])


def test_journal_of_a_newer_format_is_refused_with_the_way_out() -> None:
    newer = replace(records()[0], data={"format": 2, "plan": PLAN.to_json()})

    with pytest.raises(JournalError) as caught:
        fold([newer])

    assert str(caught.value) == "cannot read the run: journal format 2, this drp reads 1"
    assert caught.value.hint == "Use a drp at least as new as the one that began the run."


@pytest.mark.failure_mode("B10")
def test_plan_of_a_newer_format_is_refused() -> None:
    newer = replace(records()[0], data={"format": 1, "plan": {**PLAN.to_json(), "format": 9}})

    with pytest.raises(JournalError, match="plan format 9, this drp reads 1"):
        fold([newer])


def test_stage_lasts_from_its_first_record_to_its_last() -> None:
    spans = StageSpans(RunState.of(PLAN).stage_of)
    for number, record in enumerate(
        records(step("start"), step("done"), step("start", "f"), step("done", "f"))
    ):
        spans.add([replace(record, time=MOMENT + timedelta(seconds=number**2))])

    assert spans.seconds() == {"stage": 3.0, "switch": 7.0}


def test_journal_and_fold_agree_with_the_state_that_was_advanced() -> None:
    journal, state = MemoryJournal(), RunState.of(PLAN)
    drafts = [step("start"), step("lost"), step("done"), step("start", "f"), step("failed", "f")]
    journal.append(
        [Draft(kind="plan", data={"format": 1, "plan": PLAN.to_json()}), *drafts],
        Stamp(time=MOMENT, actor="x", epoch=0),
    )
    for draft in drafts:
        state.advance(draft)

    assert fold(journal.read()) == state
