"""Failure, the way back, cancelling: what the scheduler orders."""

from __future__ import annotations

from dataclasses import replace

from drp.engine.fold import RunState
from drp.engine.orders import CancelAsked, Resumed, TurnAsked
from drp.engine.tasks import Absent, Done, Present
from drp.model.plan import Plan
from drp.testing.blocks import build_plan, build_step
from tests.engine.desk import Desk, fatal, transient


def chain(*names: str, final: str = "", on_failure: str = "roll-back") -> Plan:
    """Each step needs the one before."""
    pairs = zip(names, [None, *names], strict=False)
    steps = [build_step(name, *([before] if before else []), final=name == final) for name, before in pairs]
    return build_plan(*steps, on_failure=on_failure)


def fail(desk: Desk, step: str) -> Desk:
    return desk.reply(step, Absent()).reply(step, fatal())


def test_failure_takes_back_what_began_last_first() -> None:
    desk = fail(Desk(chain("a", "b", "c")).feed().do("a", "b"), "c")
    for step in ("c", "b", "a"):
        assert desk.phases() == {step: "undo"}
        desk.reply(step, Done())

    assert desk.outcome == "rolled-back"
    assert desk.written[-7:] == ["undo c", "undone c", "undo b", "undone b", "undo a", "undone a", "ended"]


def test_of_steps_that_need_nothing_of_each_other_the_last_goes_back_first() -> None:
    plan = build_plan(build_step("a"), build_step("b"), build_step("c", "a", "b"))
    desk = fail(Desk(plan, in_flight=1).feed().do("a", "b"), "c").reply("c", Done())

    assert desk.phases() == {"b": "undo"}


def test_what_was_there_before_is_not_taken_back_but_kept_in_order() -> None:
    desk = Desk(chain("a", "b", "c")).feed().do("a").reply("b", Present({"from": "b"}))
    fail(desk, "c")

    assert desk.phases() == {"c": "undo"}
    desk.reply("c", Done())
    assert desk.phases() == {"a": "undo"}


def test_looks_are_not_taken_back() -> None:
    plan = build_plan(build_step("a", kind="look"), build_step("b", "a"))
    desk = fail(Desk(plan).feed().reply("a", Done({"from": "a"})), "b").reply("b", Done())

    assert desk.outcome == "rolled-back"
    assert desk.state("a") == "done"


def test_step_that_failed_before_it_began_is_not_undone() -> None:
    desk = Desk(chain("a")).feed().reply("a", fatal())

    assert desk.outcome == "rolled-back"
    assert desk.launched == ["observe a"]


def test_running_steps_end_before_they_are_taken_back() -> None:
    desk = Desk(build_plan(build_step("a"), build_step("b"))).feed().reply("b", Absent())
    fail(desk, "a")

    assert desk.phases() == {"a": "undo", "b": "apply"}
    desk.reply("b", Done({"from": "b"}))
    assert desk.phases() == {"a": "undo", "b": "undo"}


def test_step_being_looked_at_when_the_run_turns_does_not_begin() -> None:
    desk = Desk(build_plan(build_step("a"), build_step("b"))).feed()
    fail(desk, "a").reply("a", Done()).reply("b", Absent())

    assert "start b" not in desk.written
    assert desk.outcome == "rolled-back"


def test_undo_is_tried_three_times_even_when_its_step_is_tried_once() -> None:
    desk = fail(Desk(chain("a")).feed(), "a")
    for _ in range(2):
        desk.reply("a", transient()).feed(after=1.0)
    desk.reply("a", transient())

    assert desk.state("a") == "stuck"
    assert desk.outcome == "stuck"


def test_stuck_undo_keeps_what_lies_below_and_lets_others_go_back() -> None:
    plan = build_plan(build_step("a"), build_step("b", "a"), build_step("c"), build_step("d", "b", "c"))
    desk = fail(Desk(plan).feed().do("a", "b", "c"), "d").reply("d", Done())
    desk.reply("b", fatal()).reply("c", Done())

    assert desk.outcome == "stuck"
    assert [desk.state(step) for step in "abc"] == ["done", "stuck", "undone"]


def test_undo_that_does_not_come_back_is_stuck() -> None:
    desk = fail(Desk(chain("a")).feed(), "a").feed(after=65.0)

    assert desk.outcome == "stuck"


def test_given_up_worker_is_waited_for_before_its_step_is_taken_back() -> None:
    desk = Desk(chain("a")).feed().reply("a", Absent())
    late = desk.out["a"]
    desk.feed(after=65.0).reply("a", Absent())
    assert desk.out == {}

    desk.out["late"] = late
    desk.reply("late", Done(), after=10.0)
    assert desk.phases() == {"a": "undo"}
    assert desk.reply("a", Done()).outcome == "rolled-back"


def test_worker_that_never_comes_back_leaves_the_outcome_unknown() -> None:
    desk = Desk(chain("a")).feed().reply("a", Absent())
    desk.feed(after=65.0).reply("a", Absent())

    desk.feed(after=60.0).reply("a", Done())

    assert desk.state("a") == "undone"
    assert desk.outcome == "unknown"


def test_stop_leaves_everything_as_it_is() -> None:
    plan = build_plan(build_step("a"), build_step("b"), build_step("c", "a"), on_failure="stop")
    desk = fail(Desk(plan).feed().reply("a", Absent()), "b").reply("a", Done())

    assert desk.outcome == "stopped"
    assert (desk.state("a"), desk.state("c")) == ("done", "pending")


def test_failed_final_step_has_no_way_back_and_leaves_doubt() -> None:
    desk = fail(Desk(chain("a", "b", final="b")).feed().do("a"), "b")

    assert desk.outcome == "unknown"
    assert "turn" not in desk.written


def test_failure_after_the_final_step_lets_the_rest_go_on() -> None:
    plan = build_plan(
        build_step("a"), build_step("f", "a", final=True), build_step("b", "f"), build_step("c", "f")
    )
    desk = fail(Desk(plan).feed().do("a", "f"), "b").do("c")

    assert desk.outcome == "partial"
    assert desk.state("c") == "done"


def test_final_step_found_done_is_past_the_point_of_no_return_too() -> None:
    desk = Desk(chain("f", "b", final="f")).feed().reply("f", Present({"from": "f"}))

    assert fail(desk, "b").outcome == "partial"


def test_one_of_two_final_steps_in_doubt_leaves_doubt() -> None:
    plan = build_plan(build_step("f", final=True), build_step("g", final=True))
    desk = fail(Desk(plan).feed().do("f"), "g")

    assert desk.outcome == "unknown"


def test_failure_beside_an_unbegun_final_step_turns_back() -> None:
    plan = build_plan(build_step("a"), build_step("f", final=True))
    desk = fail(Desk(plan).feed(), "a").reply("a", Done()).reply("f", Absent())

    assert desk.outcome == "rolled-back"


def test_asked_to_turn_back_it_undoes_and_after_the_final_step_it_does_not() -> None:
    desk = Desk(chain("a", "b")).feed().do("a").feed(TurnAsked()).reply("b", Absent())
    assert desk.phases() == {"a": "undo"}

    late = Desk(chain("f", "b", final="f")).feed().do("f").feed(TurnAsked())
    assert late.phases() == {"b": "observe"}
    assert "turn" not in late.written


def test_cancel_lets_running_steps_end_and_begins_none() -> None:
    desk = Desk(chain("a", "b")).feed().reply("a", Absent()).feed(CancelAsked()).reply("a", Done())

    assert desk.outcome == "cancelled"
    assert desk.state("b") == "pending"


def test_transient_failure_after_cancel_is_no_reason_to_roll_back() -> None:
    plan = build_plan(build_step("a", attempts=2))
    desk = Desk(plan).feed().reply("a", Absent()).feed(CancelAsked()).reply("a", transient())

    assert desk.outcome == "cancelled"
    assert desk.state("a") == "unsure"


def staged(*, asked: bool) -> Plan:
    """prepare: a · cut-over: h (perhaps with a question) · switch: f (final), r · after: z."""
    hold = replace(build_step("h", "a", stage="cut-over"), approval="Really?" if asked else None)
    return build_plan(
        build_step("a", stage="prepare"),
        hold,
        build_step("f", "h", stage="switch", final=True),
        build_step("r", "f", stage="switch"),
        build_step("z", "r", stage="after"),
    )


def test_cancel_inside_the_stage_of_a_final_step_goes_on_to_its_end() -> None:
    desk = Desk(staged(asked=False)).feed().do("a", "h", "f").feed(CancelAsked()).do("r")

    assert desk.outcome == "cancelled"
    assert desk.state("z") == "pending"


def test_cancel_after_the_question_goes_on_through_the_final_stage() -> None:
    desk = Desk(staged(asked=True)).feed().do("a").reply("h", Absent())
    desk.feed(CancelAsked()).reply("h", Done()).do("f", "r")

    assert desk.outcome == "cancelled"
    assert desk.state("z") == "pending"


def test_cancel_goes_on_with_what_the_final_stage_still_needs_from_elsewhere() -> None:
    plan = build_plan(
        build_step("f", stage="switch", final=True),
        build_step("a", stage="beside"),
        build_step("b", stage="beside"),
        build_step("r", "a", "f", stage="switch"),
    )
    desk = (
        Desk(plan, in_flight=1)
        .feed()
        .reply("f", Absent())
        .feed(CancelAsked())
        .reply("f", Done())
        .do("a", "r")
    )

    assert desk.outcome == "cancelled"
    assert [desk.state(step) for step in "farb"] == ["done", "done", "done", "pending"]


def test_cancel_before_the_question_stops_there() -> None:
    desk = Desk(staged(asked=True)).feed().reply("a", Absent()).feed(CancelAsked()).reply("a", Done())

    assert desk.outcome == "cancelled"
    assert desk.state("h") == "pending"


def test_cancel_while_going_back_is_not_heard() -> None:
    desk = fail(Desk(chain("a")).feed(), "a").feed(CancelAsked()).reply("a", Done())

    assert desk.outcome == "rolled-back"


def resumed(desk: Desk, *, again: bool = False) -> Desk:
    """Another process goes on from the same state."""
    return Desk(desk.scheduler.state.plan, state=desk.scheduler.state).feed(Resumed(again))


def test_resume_looks_at_what_was_running() -> None:
    desk = resumed(Desk(chain("a", "b")).feed().reply("a", Absent()))
    assert desk.written == ["resumed", "lost a"]
    assert desk.phases() == {"a": "observe"}

    desk.reply("a", Present({"from": "a"}))
    assert desk.state("a") == "done"


def test_resume_of_a_stopped_run_leaves_it_unless_it_shall_try_again() -> None:
    stopped = fail(Desk(chain("a", "b", on_failure="stop")).feed().do("a"), "b")
    assert resumed(stopped).outcome == "stopped"

    desk = resumed(stopped, again=True)
    assert desk.written == ["resumed", "reopen b"]
    assert desk.do("b").outcome == "done"


def test_step_that_failed_before_it_began_is_reset_and_may_be_found_already_there() -> None:
    stopped = Desk(chain("a", on_failure="stop")).feed().reply("a", fatal())

    desk = resumed(stopped, again=True).reply("a", Present({}))

    assert desk.written == ["resumed", "reset a", "already a", "ended"]


def test_resume_of_a_stuck_run_tries_the_undo_again() -> None:
    stuck = fail(Desk(chain("a")).feed(), "a").reply("a", fatal())
    assert resumed(stuck).outcome == "stuck"

    assert resumed(stuck, again=True).reply("a", Done()).outcome == "rolled-back"


def test_resume_repeats_an_undo_that_was_under_way() -> None:
    desk = resumed(fail(Desk(chain("a")).feed(), "a"))

    assert desk.written == ["resumed", "undo a"]
    assert desk.out["a"].attempt == 2


def test_resume_between_failure_and_turn_turns() -> None:
    """A journal copied in pieces may end there."""
    desk = fail(Desk(chain("a", "b")).feed().do("a"), "b")
    state = RunState.of(desk.scheduler.state.plan)
    state.steps.update(desk.scheduler.state.steps)
    state.steps["b"] = replace(state.steps["b"], status="failed", undo_attempts=0)
    state.failures = desk.scheduler.state.failures

    again = Desk(state.plan, state=state).feed(Resumed())

    assert again.written == ["resumed", "turn", "undo b"]


def test_cancelled_run_goes_on_when_resumed() -> None:
    cancelled = Desk(chain("a", "b")).feed().reply("a", Absent()).feed(CancelAsked()).reply("a", Done())

    assert resumed(cancelled).do("b").outcome == "done"
