"""Runs over many scopes: what a failure in one means for the others, waiting for an end, taking up again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drp.engine.events import RunResult
from drp.engine.fold import RunState
from drp.engine.journal import MemoryJournal
from drp.engine.orders import CancelAsked, Resumed
from drp.engine.tasks import Absent, Done, Failed, Outcome, Present, Task
from drp.errors import RefusedError
from drp.model.plan import Plan, Step
from drp.testing.blocks import build_plan, build_step
from drp.testing.crash import Countdown
from drp.testing.failures import PowerCut
from tests.engine.desk import Desk, fatal, transient
from tests.engine.rig import Hands, Rig, Script


def tenant(name: str, *, last_needs: str = "") -> list[Step]:
    """Four steps in a row, the third is final."""
    a, b, c, d = (f"{name}{number}" for number in range(1, 5))
    return [
        build_step(a, scope=name),
        build_step(b, a, scope=name, attempts=2),
        build_step(c, b, scope=name, final=True, stage="cut-over"),
        build_step(d, last_needs or c, scope=name),
    ]


def fleet(*more: Step, on_failure: str = "quarantine") -> Plan:
    return build_plan(*tenant("x"), *tenant("y"), *more, on_failure=on_failure)


def fail(desk: Desk, step: str) -> Desk:
    return desk.reply(step, Absent()).reply(step, fatal())


def test_failed_scope_is_left_and_the_other_goes_on() -> None:
    desk = fail(Desk(fleet()).feed().do("x1"), "x2").do("y1", "y2", "y3", "y4")

    assert [desk.state(step) for step in ("x1", "x2", "x3")] == ["done", "failed", "pending"]
    assert desk.outcome == "partial"


def test_quarantine_keeps_also_what_does_not_need_the_failed_step() -> None:
    plan = fleet(build_step("x9", scope="x", after=["y1"]))
    desk = fail(Desk(plan).feed(), "x1").do("y1")

    assert "x9" not in desk.out


def test_continue_keeps_only_what_needs_the_failed_step() -> None:
    plan = fleet(build_step("x9", scope="x", after=["y1"]), on_failure="continue")
    desk = fail(Desk(plan).feed(), "x1").do("y1")

    assert "x9" in desk.out
    desk.do("x9", "y2", "y3", "y4")
    assert (desk.outcome, desk.state("x2")) == ("partial", "pending")


def test_finality_is_per_scope() -> None:
    """Past its own final step a scope goes forward as far as it can; before it, it stops."""
    plan = fleet(build_step("x9", "x3", scope="x"), build_step("y9", "y1", scope="y", after=["x3"]))
    desk = Desk(plan).feed().do("x1", "x2", "x3")
    fail(desk, "x4")
    assert "x9" in desk.out

    fail(desk.do("y1"), "y2")
    assert "y9" not in {step for step in desk.out if desk.out[step].phase == "apply"}


def test_scope_whose_final_step_failed_makes_the_run_unknown() -> None:
    desk = fail(Desk(fleet()).feed().do("x1", "x2"), "x3").do("y1", "y2", "y3", "y4")

    assert desk.outcome == "unknown"


def test_retry_of_a_quarantined_scope_does_not_come() -> None:
    plan = build_plan(
        build_step("a", scope="x"), build_step("b", scope="x", attempts=3), on_failure="quarantine"
    )
    desk = Desk(plan).feed().reply("b", Absent()).reply("b", transient())
    fail(desk, "a").feed(after=60.0)

    assert (desk.outcome, desk.state("b")) == ("partial", "unsure")


def test_final_step_found_done_opens_its_scope_again() -> None:
    plan = build_plan(
        build_step("a", scope="x"),
        build_step("f", scope="x", final=True),
        build_step("c", scope="x"),
        build_step("g", after=["c"]),
        on_failure="quarantine",
    )
    desk = fail(Desk(plan).feed(), "a").reply("c", Absent())
    assert desk.phases() == {"f": "observe"}

    desk.reply("f", Present({"from": "f"}))
    assert desk.phases() == {"c": "observe"}
    desk.do("c", "g")
    assert desk.outcome == "partial"


# -- waiting for an end


def gate(*after: str) -> Step:
    return build_step("gate", after=after)


def test_after_waits_for_the_end_and_not_for_success() -> None:
    desk = Desk(fleet(gate("x4", "y4"))).feed().do("x1", "x2", "x3", "x4")
    assert "gate" not in desk.out

    fail(desk, "y1")
    assert desk.phases() == {"gate": "observe"}


def test_step_that_needs_a_failed_one_ends_when_all_before_it_has() -> None:
    plan = build_plan(
        build_step("a"), build_step("b"), build_step("c", "a", "b"), gate("c"), on_failure="continue"
    )
    desk = fail(Desk(plan).feed(), "a")
    assert desk.phases() == {"b": "observe"}

    desk.do("b")
    assert desk.phases() == {"gate": "observe"}


def test_quarantined_scope_ends_when_none_of_it_is_in_flight() -> None:
    plan = build_plan(
        build_step("a", scope="x"), build_step("b", scope="x"), gate("a"), on_failure="quarantine"
    )
    desk = Desk(replace(plan, steps=(*plan.steps, build_step("late", after=["b"])))).feed()
    fail(desk, "a")
    assert desk.phases() == {"b": "observe", "gate": "observe"}

    desk.reply("b", Absent())
    assert desk.phases() == {"gate": "observe", "late": "observe"}


def test_inputs_tell_a_gate_who_came_through() -> None:
    desk = Desk(fleet(gate("x4", "y4"))).feed().do("x1", "x2", "x3", "x4")
    fail(desk, "y1")

    assert desk.out["gate"].inputs == {"x4": {"from": "x4"}}


def test_gate_is_told_why_the_others_did_not_come_through() -> None:
    desk = fail(Desk(fleet(gate("x4", "y4"))).feed().do("x1", "x2", "x3", "x4"), "y1")

    assert desk.out["gate"].failures == {"y": {"step": "y1", "error": "RejectedError", "message": "no"}}


def test_gate_of_a_session_that_goes_on_is_told_the_same() -> None:
    plan = fleet(gate("x4", "y4"))
    desk = fail(Desk(plan).feed().do("x1", "x2", "x3", "x4"), "y1")
    told = desk.out["gate"].failures
    later = Desk(plan, state=desk.scheduler.state)

    assert later.feed(Resumed(only=frozenset({""}))).out["gate"].failures == told


def test_gate_that_fails_stops_what_needs_it() -> None:
    plan = fleet(gate("x4", "y4"), *(replace(s, needs=s.needs or frozenset({"gate"})) for s in tenant("z")))
    desk = fail(Desk(plan).feed(), "x1")
    fail(fail(desk, "y1"), "gate")

    assert (desk.outcome, desk.state("z1")) == ("partial", "pending")


def test_what_waited_is_undone_first() -> None:
    plan = build_plan(build_step("a"), build_step("g", after=["a"]), build_step("c", "a", "g"))
    desk = fail(Desk(plan).feed().do("a", "g"), "c").reply("c", Done())
    assert desk.phases() == {"g": "undo"}

    desk.reply("g", fatal())
    assert desk.phases() == {"a": "undo"}


def test_cancel_frees_those_that_wait_for_what_does_not_begin() -> None:
    plan = build_plan(
        build_step("a"),
        build_step("b", "a"),
        build_step("hold", stage="cut", after=["b"]),
        build_step("route", "hold", stage="cut", final=True),
        build_step("go", stage="cut"),
    )
    desk = Desk(plan).feed().reply("go", Absent()).feed(CancelAsked())
    assert "hold" not in desk.out

    desk.reply("a", Absent()).reply("go", Done())
    assert desk.phases() == {"hold": "observe"}


def test_cancel_goes_through_only_the_scopes_that_have_entered() -> None:
    desk = Desk(fleet()).feed().do("x1", "x2").reply("x3", Absent()).do("y1").feed(CancelAsked())
    desk.reply("y2", Absent()).reply("x3", Done())

    assert (desk.outcome, desk.state("x3"), desk.state("y2")) == ("cancelled", "done", "pending")


# -- taken up again


def resumed(desk: Desk, *only: str) -> Desk:
    state = RunState.of(desk.scheduler.state.plan)
    state.steps.update(desk.scheduler.state.steps)
    state.failures.update(desk.scheduler.state.failures)
    state.ended = desk.scheduler.state.ended
    return Desk(state.plan, state=state).feed(Resumed(True, frozenset(only) if only else None))


def test_all_failed_scopes_are_taken_up_again() -> None:
    desk = resumed(fail(fail(Desk(fleet()).feed(), "x1"), "y1"))

    assert desk.phases() == {"x1": "observe", "y1": "observe"}


def test_one_failed_scope_is_taken_up_and_the_other_left() -> None:
    desk = resumed(fail(fail(Desk(fleet()).feed(), "x1"), "y1"), "y").do("y1", "y2", "y3", "y4")

    assert "x1" not in desk.out
    assert (desk.outcome, desk.state("x1")) == ("partial", "failed")


def test_what_is_left_out_by_wish_makes_the_run_partial() -> None:
    desk = Desk(fleet()).feed().feed(CancelAsked()).reply("x1", Absent()).reply("y1", Absent())
    again = resumed(desk, "x").do("x1", "x2", "x3", "x4")

    assert (desk.outcome, again.outcome) == ("cancelled", "partial")


WAVES = build_plan(
    build_step("x1", scope="x"),
    build_step("y1", scope="y"),
    build_step("x2", "x1", scope="x", final=True),
    build_step("y2", "y1", scope="y"),
    build_step("gate", after=["x2", "y2"]),
    on_failure="quarantine",
)


def always(_task: Task) -> Outcome:
    return Failed(error="RejectedError", message="no")


def run(journal: MemoryJournal, script: Script, *only: str, at: int = 0) -> tuple[RunResult, Hands]:
    it = Rig(WAVES, script, journal=journal, stepped=True, faults=Countdown(at))
    return it.runner.run(again=bool(only), only=frozenset(only) or None), it.hands


def test_result_names_failures_and_ends_of_each_scope() -> None:
    result, _ = run(MemoryJournal(), {"apply x1": always, "apply y2": always})

    assert result.outcome == "partial"
    assert {scope: found.step for scope, found in result.failures.items()} == {"x": "x1", "y": "y2"}
    assert result.scopes == {"x": "failed", "y": "failed", "": "done"}
    assert result.failure is not None
    assert result.failure.scope in ("x", "y")


def test_events_tell_their_scope_and_each_scopes_stage() -> None:
    it = Rig(WAVES, {"apply x1": always}, stepped=True)
    it.runner.run()

    stages = {(event.scope, event.status) for event in it.events if event.kind == "stage"}
    assert stages == {
        ("", "begun"),
        ("", "done"),
        ("x", "begun"),
        ("x", "failed"),
        ("y", "begun"),
        ("y", "done"),
    }


def test_interrupted_session_stays_limited() -> None:
    """Killed at each of its points and gone on with plainly, it never touches the scope that was left out."""
    stored: list[bytes] = []
    run(MemoryJournal(stored), {"apply x1": always, "apply y1": always})
    ends = set()
    for at in range(1, 60):
        journal = MemoryJournal([*stored])
        try:
            _, hands = run(journal, {}, "y", at=at)
        except PowerCut:
            if len(journal.read()) == len(stored):
                continue
            last, hands = run(journal, {})
            assert not any(" x" in done for done in hands.done)
            ends.add((last.outcome, *sorted(last.scopes.items())))
        else:
            break
    assert ends == {("partial", ("", "done"), ("x", "failed"), ("y", "done"))}
    assert at > 10


def test_scope_nobody_knows_is_refused() -> None:
    journal = MemoryJournal()
    run(journal, {"apply x1": always})

    with pytest.raises(RefusedError, match="cannot take up 'z' of 'run-1'"):
        run(journal, {}, "z")
