"""The loop: threads, journal, events, and everything that may interrupt it."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from drp.engine.journal import Draft, MemoryJournal, Record, Stamp
from drp.engine.runner import Runner
from drp.engine.tasks import Done, Outcome, Present, Task
from drp.engine.workers import Message
from drp.errors import BugError, RefusedError, RejectedError, UnreachableError
from drp.testing.blocks import build_plan, build_step
from drp.testing.clock import ManualClock
from drp.testing.crash import Countdown, SteppedWorkers
from tests.engine.rig import Hands, Rig, Script

CHAIN = build_plan(build_step("a", stage="one"), build_step("b", "a", stage="two"))


def test_run_ends_done_with_states_and_records() -> None:
    it = Rig(CHAIN)
    result = it.runner.run()

    assert (result.outcome, result.failure) == ("done", None)
    assert result.states == {"a": "done", "b": "done"}
    assert it.kinds() == ["plan", "start a", "done a", "start b", "done b", "ended"]
    assert it.hands.done == ["observe a", "apply a", "observe b", "apply b"]


def test_records_carry_time_actor_and_epoch() -> None:
    it = Rig(CHAIN, epoch=lambda: 17)
    it.runner.run()

    record = it.journal.read()[1]
    assert (record.time, record.actor, record.epoch) == (it.clock.now(), "ops@h1", 17)


def test_events_tell_run_stages_and_steps_in_order() -> None:
    it = Rig(CHAIN)
    it.runner.run()

    assert it.told() == [
        "run run-1 begun",
        "stage one begun",
        "step a begun",
        "step a done",
        "stage one done",
        "stage two begun",
        "step b begun",
        "step b done",
        "stage two done",
        "run run-1 done",
    ]


def test_events_of_failure_and_way_back() -> None:
    failing = replace(CHAIN, steps=(CHAIN.steps[0], build_step("b", "a", stage="two", attempts=2)))
    it = Rig(failing, {"apply b": _raise(UnreachableError("cannot reach 'h3': no answer"))}, stepped=True)
    result = it.runner.run()

    assert result.outcome == "rolled-back"
    assert result.failure is not None
    assert (result.failure.step, result.failure.stage, result.failure.attempt) == ("b", "two", 2)
    assert result.failure.cause.message == "cannot reach 'h3': no answer"
    assert it.told()[7:] == [
        "step b retrying",
        "step b begun",
        "step b failed",
        "stage two failed",
        "run run-1 turning-back",
        "step b undoing",
        "step b undone",
        "step a undoing",
        "step a undone",
        "run run-1 rolled-back",
    ]


def test_progress_reaches_the_sink_and_not_the_journal() -> None:
    it = Rig(CHAIN, {"apply a": lambda task: it.hands.progress({"done": 3}) or Done()})
    it.runner.run()

    event = next(event for event in it.events if event.kind == "progress")
    assert (event.name, event.stage, event.data) == ("a", "one", {"done": 3})
    assert len(it.kinds()) == 6


def test_start_is_durable_before_the_effect() -> None:
    seen: list[list[str]] = []

    def apply(task: Task) -> Outcome:
        seen.append(it.kinds())
        return Done()

    it = Rig(CHAIN, {"apply a": apply})
    it.runner.run()

    assert seen == [["plan", "start a"]]


def test_steps_without_needs_run_at_once() -> None:
    together = threading.Barrier(3, timeout=10)
    steps = [build_step(name) for name in "abc"]
    script: Script = {f"apply {name}": lambda task: Done({"at": together.wait()}) for name in "abc"}

    assert Rig(build_plan(*steps), script).runner.run().outcome == "done"


def test_cap_of_one_runs_one_step_after_the_other() -> None:
    it = Rig(build_plan(*(build_step(name) for name in "abc")), in_flight=1)
    it.runner.run()

    assert it.hands.done == ["observe a", "apply a", "observe b", "apply b", "observe c", "apply c"]


def test_threads_are_used_again() -> None:
    threads: set[int] = set()
    names = [f"s{number}" for number in range(20)]
    steps = [build_step(name, *names[:number][-1:]) for number, name in enumerate(names)]

    def note_thread(task: Task) -> Outcome:
        threads.add(threading.get_ident())
        return Done()

    script: Script = {f"apply {name}": note_thread for name in names}

    assert Rig(build_plan(*steps), script).runner.run().outcome == "done"
    assert len(threads) == 1


class CountingJournal(MemoryJournal):
    commits = 0

    def append(self, drafts: Sequence[Draft], stamp: Stamp) -> list[Record]:
        self.commits += 1
        return super().append(drafts, stamp)


class InRounds(SteppedWorkers):
    """Does everything that is out before it answers."""

    def wait(self, timeout: float | None) -> Sequence[Message]:
        found: list[Message] = []
        for _ in range(len(self._tasks)):
            found.extend(super().wait(timeout))
        return found


def test_steps_that_end_together_share_commits() -> None:
    journal, hands = CountingJournal(), Hands()
    plan = build_plan(*(build_step(f"s{number}") for number in range(50)))
    clock = ManualClock()
    workers = InRounds(hands, Countdown(), chance=random.Random(1), clock=clock)
    Runner(plan, journal, hands, clock=clock, actor="x", in_flight=50, workers=workers).run()

    assert journal.commits == 3, "the plan; all starts; all ends and the end of the run"


def test_stage_seconds_are_wall_time() -> None:
    def slow(task: Task) -> Outcome:
        it.clock.advance(timedelta(seconds=7))
        return Done()

    it = Rig(CHAIN, {"apply b": slow})

    assert it.runner.run().seconds == {"one": 0.0, "two": 7.0}


def test_error_of_a_step_keeps_its_words() -> None:
    error = RejectedError("cannot build index 'x'", state="acme is served by dc3", hint="Repair it.")
    failure = Rig(CHAIN, {"apply a": _raise(error)}).runner.run().failure

    assert failure is not None
    cause = failure.cause
    assert (cause.error, cause.message, cause.state, cause.hint) == (
        "RejectedError",
        "cannot build index 'x'",
        "acme is served by dc3",
        "Repair it.",
    )


def test_foreign_error_turns_back_and_its_text_is_kept_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    it = Rig(CHAIN, {"apply b": _raise(ValueError("password=hunter2"))})
    result = it.runner.run()

    assert result.outcome == "rolled-back"
    assert result.failure is not None
    assert result.failure.cause.error == "BugError"
    assert result.failure.cause.message.startswith("unexpected ValueError at test_runner.py:")
    assert "hunter2" not in str([record.to_bytes() for record in it.journal.read()])
    assert "unexpected error in 'apply' of step 'b'" in caplog.text


def test_error_that_is_no_exception_reaches_the_caller() -> None:
    it = Rig(CHAIN, {"apply a": _raise(KeyboardInterrupt())})

    with pytest.raises(KeyboardInterrupt):
        it.runner.run()


# -- a run that has been before


def test_ended_run_writes_and_does_nothing_more() -> None:
    first = Rig(CHAIN)
    first.runner.run()
    size = len(first.kinds())
    second = Rig(CHAIN, journal=first.journal)

    assert second.runner.run(again=True).outcome == "done"
    assert (len(second.kinds()), second.hands.done, second.events) == (size, [], [])


def test_journal_of_another_plan_is_a_bug() -> None:
    first = Rig(CHAIN)
    first.runner.run()

    with pytest.raises(BugError) as caught:
        Rig(build_plan(build_step("z")), journal=first.journal)

    assert str(caught.value) == "cannot run 'run-1': its journal holds another plan"


def test_stopped_run_tries_again_when_told_to() -> None:
    stopping = replace(CHAIN, on_failure="stop")
    first = Rig(stopping, {"apply b": _raise(RejectedError("no"))})
    assert first.runner.run().outcome == "stopped"
    assert Rig(stopping, journal=first.journal).runner.run().outcome == "stopped"

    second = Rig(stopping, journal=first.journal)

    assert second.runner.run(again=True).outcome == "done"
    assert second.hands.done == ["observe b", "apply b"]
    assert second.told()[:3] == ["run run-1 resumed", "step b begun", "step b done"]


def test_stopped_run_can_be_rolled_back() -> None:
    stopping = replace(CHAIN, on_failure="stop")
    first = Rig(stopping, {"apply b": _raise(RejectedError("no"))})
    first.runner.run()

    second = Rig(stopping, journal=first.journal)

    assert second.runner.run(back=True).outcome == "rolled-back"
    assert second.hands.done == ["undo b", "undo a"]


def test_stuck_run_can_be_rolled_back_again() -> None:
    first = Rig(CHAIN, {"apply b": _raise(RejectedError("no")), "undo b": _raise(RejectedError("no"))})
    assert first.runner.run().outcome == "stuck"

    second = Rig(CHAIN, journal=first.journal)

    assert second.runner.run(back=True).outcome == "rolled-back"


def _refused(it: Rig, *, again: bool = False, back: bool = False) -> tuple[str, str]:
    with pytest.raises(RefusedError) as caught:
        it.runner.run(again=again, back=back)
    return str(caught.value), caught.value.hint


def test_run_past_its_final_step_is_not_rolled_back() -> None:
    final = build_plan(build_step("f", final=True), build_step("b", "f"))
    first = Rig(final, {"apply b": _raise(RejectedError("no"))})
    assert first.runner.run().outcome == "partial"
    size = len(first.kinds())

    assert _refused(Rig(final, journal=first.journal), back=True) == (
        "cannot roll back 'run-1': its final step has begun",
        "Go on with `drp resume run-1`; the way home is a new migration.",
    )
    assert len(first.kinds()) == size


def test_run_that_is_done_is_not_rolled_back() -> None:
    first = Rig(CHAIN)
    first.runner.run()

    assert _refused(Rig(CHAIN, journal=first.journal), back=True)[0] == "cannot roll back 'run-1': it is done"


ASKING = build_plan(replace(build_step("a"), approval="Move acme to dc5?"))


def test_run_without_the_answer_to_its_question_begins_nothing() -> None:
    it = Rig(ASKING)

    assert _refused(it) == (
        "cannot run 'run-1': step 'a' has no approval",
        "Answer its question with `drp resume run-1`.",
    )
    assert (it.kinds(), it.hands.done) == ([], [])


def test_answer_is_recorded_once_and_holds_for_who_resumes() -> None:
    first = Rig(ASKING, {"apply a": _raise(KeyboardInterrupt())}, answers={"a": "yes, ops"})
    with pytest.raises(KeyboardInterrupt):
        first.runner.run()

    assert Rig(ASKING, journal=first.journal, answers={"a": "yes, ops"}).runner.run().outcome == "done"
    assert first.kinds().count("answer a") == 1
    assert Rig(ASKING, journal=first.journal).runner.run().outcome == "done"


# -- interruptions


def _then(call: Callable[[], None], outcome: Outcome) -> Callable[[Task], Outcome]:
    def do(task: Task) -> Outcome:
        call()
        return outcome

    return do


def test_cancel_stops_at_the_next_safe_point_and_resume_goes_on() -> None:
    it = Rig(CHAIN, {"apply a": lambda task: _then(it.runner.cancel, Done())(task)})
    assert it.runner.run().outcome == "cancelled"
    assert it.told()[3:] == ["run run-1 cancelling", "step a done", "stage one done", "run run-1 cancelled"]

    assert Rig(CHAIN, journal=it.journal).runner.run(again=True).outcome == "done"


def test_turning_back_on_request() -> None:
    it = Rig(CHAIN, {"apply a": lambda task: _then(it.runner.turn_back, Done())(task)})

    assert it.runner.run().outcome == "rolled-back"
    assert it.hands.done[-1] == "undo a"


def test_request_to_turn_back_after_the_final_step_is_answered_and_not_followed() -> None:
    final = build_plan(build_step("f", final=True))
    it = Rig(final, {"apply f": lambda task: _then(it.runner.turn_back, Done())(task)})

    assert it.runner.run().outcome == "done"
    assert "run run-1 not-turning-back" in it.told()


def test_leaving_waits_for_nobody_and_ends_nothing() -> None:
    released = threading.Event()

    def apply(task: Task) -> Outcome:
        it.runner.leave()
        released.wait(10)
        return Done()

    it = Rig(CHAIN, {"apply a": apply})
    result = it.runner.run()
    released.set()

    assert result.outcome == "unknown"
    assert it.kinds() == ["plan", "start a"]


def test_lost_lease_begins_nothing_more_and_leaves_the_end_to_others() -> None:
    held = [True]
    it = Rig(
        CHAIN, {"apply a": _then(lambda: held.__setitem__(0, False), Done())}, may_continue=lambda: held[0]
    )
    result = it.runner.run()

    assert result.outcome == "unknown"
    assert result.failure is not None
    assert result.failure.cause.message == "cannot go on with 'run-1': its lease was not renewed in time"
    assert it.kinds() == ["plan", "start a", "done a"]
    assert Rig(CHAIN, journal=it.journal).runner.run().outcome == "done"


def paused_until(held: list[bool], regain: Callable[[], bool]) -> Rig:
    """The lease is late as soon as the first step was done."""
    script: Script = {"apply a": _then(lambda: held.__setitem__(0, False), Done())}
    return Rig(CHAIN, script, may_continue=lambda: held[0], regain=regain, patience=60)


def test_lease_that_was_late_and_comes_back_only_makes_the_run_pause() -> None:
    held = [True]
    it = paused_until(held, lambda: held.__setitem__(0, True) or True)

    assert it.runner.run().outcome == "done"
    assert it.told()[3:6] == ["run run-1 pausing", "run run-1 going-on", "step a done"]
    assert it.hands.done == ["observe a", "apply a", "observe b", "apply b"]


def test_pause_ends_when_somebody_else_has_the_lease() -> None:
    it = paused_until([True], lambda: False)

    assert it.runner.run().outcome == "unknown"
    assert it.kinds() == ["plan", "start a", "done a"]


def test_pause_ends_when_patience_is_over() -> None:
    def regain() -> bool:
        it.clock.advance(timedelta(seconds=60))
        return True

    it = paused_until([True], regain)

    assert it.runner.run().outcome == "unknown"


@pytest.mark.parametrize("ask", ["cancel", "leave", "turn_back"])
def test_who_wants_it_to_stop_is_heard_during_a_pause(ask: str) -> None:
    it = paused_until([True], lambda: getattr(it.runner, ask)() or True)

    assert it.runner.run().outcome == "unknown"
    assert "apply b" not in it.hands.done


def test_lease_lost_while_the_start_was_written_keeps_the_effect_from_happening() -> None:
    class SlowJournal(MemoryJournal):
        def append(self, drafts: Sequence[Draft], stamp: Stamp) -> list[Record]:
            held[0] = held[0] and all(draft.kind != "start" for draft in drafts)
            return super().append(drafts, stamp)

    held = [True]
    it = Rig(CHAIN, journal=SlowJournal(), may_continue=lambda: held[0])

    assert it.runner.run().outcome == "unknown"
    assert (it.kinds(), it.hands.done) == (["plan", "start a"], ["observe a"])
    assert (
        Rig(CHAIN, {"observe a": lambda task: Present({})}, journal=it.journal).runner.run().outcome == "done"
    )


class Deaf(SteppedWorkers):
    """Never brings back what it was told to apply."""

    def launch(self, task: Task) -> None:
        if task.phase != "apply":
            super().launch(task)


def test_worker_that_hangs_is_given_up_at_deadline_and_grace() -> None:
    plan, hands, clock = build_plan(build_step("a")), Hands(), ManualClock()
    workers = Deaf(hands, Countdown(), chance=random.Random(1), clock=clock)
    runner = Runner(plan, MemoryJournal(), hands, clock=clock, actor="x", grace=2.0, workers=workers)
    result = runner.run()

    assert result.failure is not None
    assert result.failure.cause.message == "cannot apply 'a': no answer within 60 s"
    assert result.outcome == "unknown", "whoever hangs may still act"
    assert clock.monotonic() == 60.0 + 2.0 + 60.0, (
        "deadline, grace, and once more the deadline before undoing"
    )


def _raise(error: BaseException) -> Callable[[Task], Outcome]:
    def do(task: Task) -> Outcome:
        raise error

    return do
