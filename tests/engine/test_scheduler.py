from __future__ import annotations

from datetime import timedelta

import pytest

from drp.engine.orders import LeaseLost
from drp.engine.tasks import Absent, Done, Partial, Present
from drp.errors import BugError
from drp.testing.blocks import build_plan, build_step
from tests.engine.desk import Desk, fatal, transient


def test_step_is_looked_at_before_its_start_is_written() -> None:
    desk = Desk(build_plan(build_step("a"))).feed()

    assert desk.launched == ["observe a"]
    assert desk.written == []


def test_start_is_ordered_before_the_launch_it_announces() -> None:
    desk = Desk(build_plan(build_step("a"))).feed().reply("a", Absent())

    assert desk.written == ["start a"]
    assert desk.launched == ["observe a", "apply a"]


def test_partial_is_applied_like_absent() -> None:
    desk = Desk(build_plan(build_step("a"))).feed().reply("a", Partial("one half"))

    assert desk.phases() == {"a": "apply"}


def test_present_before_any_start_is_already_and_not_done() -> None:
    desk = Desk(build_plan(build_step("a"))).feed().reply("a", Present({"x": 1}))

    assert desk.written == ["already a", "ended"]
    assert desk.outcome == "done"


def test_look_step_begins_without_being_looked_at() -> None:
    desk = Desk(build_plan(build_step("a", kind="look"))).feed()

    assert desk.launched == ["apply a"]


def test_dependents_wait_for_all_they_need() -> None:
    plan = build_plan(build_step("a"), build_step("b"), build_step("c", "a", "b"))
    desk = Desk(plan).feed()

    desk.do("a")
    assert "c" not in desk.out
    desk.do("b")
    assert desk.phases() == {"c": "observe"}


def test_inputs_hold_outputs_of_everything_upstream() -> None:
    plan = build_plan(build_step("a"), build_step("b", "a"), build_step("c", "b"), build_step("d"))
    desk = Desk(plan).feed().do("a", "b")

    assert desk.out["c"].inputs == {"a": {"from": "a"}, "b": {"from": "b"}}


def test_ready_steps_begin_in_plan_order_up_to_the_cap() -> None:
    desk = Desk(build_plan(*(build_step(name) for name in "abcd")), in_flight=2).feed()
    assert desk.launched == ["observe a", "observe b"]

    desk.do("b")
    assert desk.launched[-1] == "observe c"


def test_step_takes_all_its_tokens_or_none() -> None:
    plan = build_plan(
        build_step("a", pools={"x": 1}),
        build_step("b", pools={"x": 1, "y": 1}),
        build_step("c", pools={"y": 1}),
        limits={"x": 1, "y": 1},
    )
    desk = Desk(plan).feed()
    assert desk.phases() == {"a": "observe", "c": "observe"}

    desk.do("a")
    assert "b" not in desk.out
    desk.do("c")
    assert desk.phases() == {"b": "observe"}


def test_tokens_are_free_while_a_step_waits_for_its_next_attempt() -> None:
    plan = build_plan(
        build_step("a", pools={"x": 1}, attempts=2), build_step("b", pools={"x": 1}), limits={"x": 1}
    )
    desk = Desk(plan).feed().reply("a", Absent()).reply("a", transient())

    assert desk.phases() == {"b": "observe"}


def test_more_tokens_than_a_pool_has_is_a_bug() -> None:
    with pytest.raises(BugError, match="step 'a' wants 2 of pool 'x'"):
        Desk(build_plan(build_step("a", pools={"x": 2}), limits={"x": 1}))


def test_need_that_does_not_come_before_is_a_bug() -> None:
    with pytest.raises(BugError, match="step 'a' needs a step that does not come before it"):
        Desk(build_plan(build_step("a", "b"), build_step("b")))


def test_transient_failure_is_looked_at_and_tried_again_after_the_delay() -> None:
    desk = Desk(build_plan(build_step("a", attempts=3))).feed().reply("a", Absent()).reply("a", transient())
    assert (desk.out, desk.wake) == ({}, 1.0)

    desk.feed(after=0.9)
    assert desk.out == {}
    desk.feed(after=0.1)
    assert desk.phases() == {"a": "observe"}
    assert desk.out["a"].attempt == 2


def test_delays_grow_and_retry_after_is_honoured() -> None:
    desk = Desk(build_plan(build_step("a", attempts=4))).feed()
    waits = []
    for failure in (transient(), transient(), transient(retry_after=17.0)):
        desk.reply("a", Absent()).reply("a", failure)
        assert desk.wake is not None
        waits.append(desk.wake - desk.now)
        desk.feed(after=waits[-1])

    assert waits == [1.0, 2.0, 17.0]


def test_looking_again_after_a_failed_attempt_can_find_it_done() -> None:
    desk = Desk(build_plan(build_step("a", attempts=2))).feed().reply("a", Absent()).reply("a", transient())

    desk.feed(after=1.0).reply("a", Present({"x": 1}))

    assert desk.state("a") == "done"
    assert desk.outcome == "done"


def test_last_attempt_that_fails_fails_the_step() -> None:
    desk = Desk(build_plan(build_step("a", attempts=1), on_failure="stop")).feed()

    desk.reply("a", Absent()).reply("a", transient())

    assert desk.written[-2:] == ["failed a", "ended"]
    assert desk.outcome == "stopped"


def test_error_that_is_not_transient_is_not_tried_again() -> None:
    desk = Desk(build_plan(build_step("a", attempts=5), on_failure="stop")).feed()

    desk.reply("a", Absent()).reply("a", fatal())

    assert desk.state("a") == "failed"


def test_answer_that_does_not_fit_the_phase_is_a_failure() -> None:
    desk = Desk(build_plan(build_step("a"), on_failure="stop")).feed().reply("a", Done())

    failure = desk.scheduler.state.failure
    assert failure is not None
    assert failure.cause.message == "'observe' of 'a' answered Done"


@pytest.mark.failure_mode("B6")
def test_worker_beyond_deadline_and_grace_is_given_up_and_the_world_is_asked() -> None:
    desk = Desk(build_plan(build_step("a"))).feed().reply("a", Absent())
    assert desk.wake == 65.0

    desk.feed(after=64.9)
    assert desk.state("a") == "running"
    desk.feed(after=0.1)
    assert (desk.state("a"), desk.phases()) == ("unsure", {"a": "observe"})
    desk.reply("a", Present({}))
    assert desk.outcome == "done"


def test_given_up_attempt_that_left_nothing_fails_and_is_not_repeated() -> None:
    """Its worker may still act, so another attempt beside it would be two at once."""
    desk = Desk(build_plan(build_step("a", attempts=5))).feed().reply("a", Absent())

    desk.feed(after=65.0).reply("a", Absent())

    failure = desk.scheduler.state.failure
    assert failure is not None
    assert (failure.cause.error, failure.cause.message) == (
        "DeadlineError",
        "cannot apply 'a': no answer within 60 s",
    )


def test_answer_of_a_given_up_worker_changes_nothing() -> None:
    desk = Desk(build_plan(build_step("a"), build_step("b", "a"), build_step("c", "b"))).feed()
    late = desk.reply("a", Absent()).out["a"]
    desk.feed(after=65.0).reply("a", Present({"from": "a"}))
    desk.out["late"] = late

    desk.reply("late", Done({"from": "late"}))

    assert desk.phases() == {"b": "observe"}
    assert desk.out["b"].inputs == {"a": {"from": "a"}}


def test_look_beyond_its_deadline_fails_the_step() -> None:
    desk = Desk(build_plan(build_step("a"), on_failure="stop")).feed().feed(after=65.0)

    assert desk.outcome == "stopped"
    assert not desk.scheduler.state.steps["a"].begun


def test_wake_is_the_nearest_deadline_or_delay() -> None:
    slow = build_step("a")
    fast = build_step("b", attempts=2)
    desk = Desk(build_plan(slow, fast)).feed()
    assert desk.wake == 65.0

    desk.reply("b", Absent()).reply("b", transient())
    assert desk.wake == 1.0


def test_nothing_begins_after_the_lease_is_lost() -> None:
    plan = build_plan(build_step("a", attempts=2), build_step("b"), build_step("c", "a"))
    desk = Desk(plan).feed().reply("a", Absent())

    desk.feed(LeaseLost())
    desk.reply("b", Absent()).reply("a", transient())

    assert desk.written == ["start a", "again a"]
    assert desk.outcome == "unknown"


def test_tasks_not_launched_for_want_of_a_lease_are_not_waited_for() -> None:
    desk = Desk(build_plan(build_step("a"))).feed().reply("a", Absent())

    desk.feed(LeaseLost((desk.out["a"],)))

    assert desk.outcome == "unknown"
    assert desk.state("a") == "running"


def test_steps_of_very_different_deadlines_have_their_own() -> None:
    from dataclasses import replace

    slow = replace(build_step("a"), deadline=timedelta(hours=2))
    desk = Desk(build_plan(slow, build_step("b"))).feed().reply("a", Absent()).reply("b", Absent())

    desk.feed(after=100.0)

    assert (desk.state("a"), desk.state("b")) == ("running", "unsure")
