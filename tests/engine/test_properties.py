"""Laws of the scheduler on random graphs with random answers."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from drp.engine.fold import RunState, fold
from drp.engine.journal import Draft, MemoryJournal, Stamp
from drp.engine.orders import CancelAsked, Finish, Launch, Order, Returned, Signal, TurnAsked, Wake, Write
from drp.engine.scheduler import Scheduler
from drp.engine.tasks import Absent, Done, Outcome, Partial, Present, Task
from drp.model.plan import ON_FAILURE, Plan, Step
from drp.testing.blocks import build_plan, build_step
from tests.engine.desk import fatal, transient

STAMP = Stamp(time=datetime(2031, 3, 4, tzinfo=UTC), actor="me", epoch=1)
NAMES = "abcdefghij"


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    count = draw(st.integers(1, 8))
    finals = draw(st.sets(st.integers(0, count - 1), max_size=2))
    steps = []
    for number, name in enumerate(NAMES[:count]):
        steps.append(
            build_step(
                name,
                *draw(st.lists(st.sampled_from(NAMES[: number or 1]), max_size=min(3, number), unique=True)),
                kind=draw(st.sampled_from(["block", "block", "look"])),
                stage=f"stage-{number // 3}",
                attempts=draw(st.integers(1, 3)),
                final=number in finals,
                pools=draw(st.dictionaries(st.sampled_from(["x", "y"]), st.integers(1, 2), max_size=2)),
                scope=draw(st.sampled_from(["", "s", "t"])),
                after=draw(st.sets(st.sampled_from(NAMES[: number or 1]), max_size=min(2, number))),
            )
        )
    on_failure = draw(st.sampled_from(ON_FAILURE))
    return build_plan(*steps, on_failure=on_failure, limits={"x": 2, "y": 3})


ANSWERS: dict[str, list[Outcome | None]] = {
    "observe": [Absent(), Absent(), Absent(), Partial("half"), Present({"x": 1}), transient(), fatal()],
    "apply": [Done({"x": 1}), Done({"x": 1}), Done({"x": 1}), transient(), fatal(), None],
    "undo": [Done(), Done(), Done(), transient(), fatal(), None],
}
"""Answers by phase; None: the worker does not come back in time."""


class Play:
    """Plays a plan to its end with drawn answers, checking each law after each feed."""

    def __init__(self, plan: Plan, data: st.DataObject, in_flight: int) -> None:
        self.plan, self.data, self.in_flight = plan, data, in_flight
        self.scheduler = Scheduler(RunState.of(plan), in_flight=in_flight)
        self.journal = MemoryJournal()
        self.journal.append([Draft(kind="plan", data={"format": 1, "plan": plan.to_json()})], STAMP)
        self.fed: list[tuple[list[Signal], float, list[Order]]] = []
        self.out: dict[str, Task] = {}
        self.late: list[Task] = []
        self.launches: Counter[tuple[str, str, int]] = Counter()
        self.ended: set[str] = set()
        self.finish: Finish | None = None
        self.now = 0.0
        asks: st.SearchStrategy[Signal] = st.sampled_from([CancelAsked(), TurnAsked()])
        self.asks = data.draw(st.dictionaries(st.integers(1, 30), asks, max_size=2))

    def run(self) -> None:
        self.feed([])
        for _ in range(300):
            if self.finish:
                return
            self.feed(self.next_signals())
        raise AssertionError("the run does not end")

    def next_signals(self) -> list[Signal]:
        draw = self.data.draw
        if len(self.fed) in self.asks:
            return [self.asks[len(self.fed)]]
        if self.late and draw(st.integers(0, 3)) == 0:
            return [Returned(self.late.pop(), Done({"x": 1}))]
        if not self.out:
            self.now = self.wake if self.wake is not None else self.now
            return []
        step = draw(st.sampled_from(sorted(self.out)))
        task = self.out.pop(step)
        answer: Outcome | None = draw(st.sampled_from(ANSWERS[task.phase]))
        if answer is None:
            self.now += task.step.deadline.total_seconds() + 5.0
            self.late.extend([task, *self.out.values()])
            self.out.clear()
            return []
        return [Returned(task, answer)]

    def feed(self, signals: list[Signal]) -> None:
        self.was_back = self.scheduler.state.back
        self.had_failed = {*self.scheduler.state.failures}
        orders = self.scheduler.feed(signals, self.now)
        self.fed.append((signals, self.now, orders))
        self.wake: float | None = None
        written = [order.draft for order in orders if isinstance(order, Write)]
        self.check_order(orders)
        self.journal.append(written, STAMP)
        for order in orders:
            match order:
                case Launch(task):
                    self.check_launch(task)
                    self.out[task.step.id] = task
                case Wake(at):
                    self.wake = at
                case Finish():
                    self.finish = order
        assert fold(self.journal.read()) == self.scheduler.state

    def check_order(self, orders: list[Order]) -> None:
        announced: set[tuple[str, str]] = set()
        for order in orders:
            match order:
                case Write(Draft(kind="start" | "undo" as kind, step=step)):
                    announced.add((kind, step))
                case Launch(Task(phase="apply", step=step)):
                    assert ("start", step.id) in announced
                case Launch(Task(phase="undo", step=step)):
                    assert ("undo", step.id) in announced

    def check_launch(self, task: Task) -> None:
        states, step = self.scheduler.state.steps, task.step
        key = (step.id, task.phase, task.attempt)
        self.launches[key] += 1
        assert self.launches[key] == 1, "the attempt key is used once"
        out = {**self.out, step.id: task}
        assert len(out) <= self.in_flight
        held = Counter[str]()
        for other in out.values():
            held.update(other.step.pools)
        assert all(held[pool] <= limit for pool, limit in self.plan.limits.items())
        if task.phase == "undo":
            assert not self.scheduler.state.past_final
            assert states[step.id].begun
        else:
            assert not self.was_back
            assert all(states[need].holds for need in step.needs)
            self.check_after(step)
            if task.phase == "apply":
                self.check_policy(step)

    def check_after(self, step: Step) -> None:
        """Who has ended does not come again."""
        assert step.id not in self.ended
        assert not step.after & self.out.keys()
        self.ended |= {other for other in step.after if not self.scheduler.state.steps[other].holds}

    def check_policy(self, step: Step) -> None:
        """What had failed before this feed keeps others from beginning."""
        state = self.scheduler.state
        match self.plan.on_failure:
            case "continue":
                pass
            case "quarantine":
                assert step.scope not in self.had_failed or step.scope in state.final_scopes
            case _:
                assert not self.had_failed or state.past_final


@settings(max_examples=150)
@given(plans(), st.data(), st.integers(1, 4))
def test_every_run_ends_and_keeps_the_laws(plan: Plan, data: st.DataObject, in_flight: int) -> None:
    play = Play(plan, data, in_flight)
    play.run()

    states = {step: found.status for step, found in play.scheduler.state.steps.items()}
    assert play.finish is not None
    match play.finish.outcome:
        case "done":
            assert set(states.values()) <= {"done", "already"}
        case "rolled-back":
            begun = {step.id for step in plan.steps if not step.read_only}
            assert not {states[step] for step in begun} & {"done", "unsure", "running", "undoing"}
        case "stuck":
            assert "stuck" in states.values()
        case "partial":
            assert play.scheduler.state.failures
            assert play.scheduler.state.past_final or plan.on_failure in ("continue", "quarantine")
        case "stopped":
            assert "failed" in states.values()


@settings(max_examples=40)
@given(plans(), st.data(), st.integers(1, 4))
def test_what_was_not_touched_by_a_failure_is_done(plan: Plan, data: st.DataObject, in_flight: int) -> None:
    """With ``continue`` all but what needs a failed step, with ``quarantine`` all but its scope besides."""
    plan = replace(plan, on_failure=data.draw(st.sampled_from(["continue", "quarantine"])))
    play = Play(plan, data, in_flight)
    play.asks = {}
    play.run()

    states = play.scheduler.state.steps
    failed = {step.scope for step in plan.steps if states[step.id].status == "failed"}
    left: set[str] = set()
    for step in plan.steps:
        is_left = plan.on_failure == "quarantine" and step.scope in failed
        if is_left or states[step.id].status == "failed" or step.needs & left:
            left.add(step.id)
        else:
            assert states[step.id].holds


@settings(max_examples=50)
@given(plans(), st.data(), st.integers(1, 4))
def test_same_signals_give_the_same_orders(plan: Plan, data: st.DataObject, in_flight: int) -> None:
    play = Play(plan, data, in_flight)
    play.run()

    twin = Scheduler(RunState.of(plan), in_flight=in_flight)

    assert [twin.feed(signals, now) for signals, now, _ in play.fed] == [orders for _, _, orders in play.fed]
