"""Decides what happens next. Pure: no I/O, no clock, no randomness; the same signals give the same orders.

Laws (each is a property test or a crash test):

* A step begins when all it needs holds, and never more than ``in_flight`` or its pools allow.
* It is looked at before each attempt; what holds already is not done again, and what held before this
  run's first START is not this run's to take back.
* START is ordered to be written before the attempt is launched.
* It begins only after all it is ``after`` has ended: holds, has failed, or will not begin any more.
* After a failure before the final step nothing begins any more: the run turns back (or stops). Turning
  back is the same loop on the reversed graph, over the steps that began. With ``quarantine`` nothing of
  the failed step's scope begins any more, with ``continue`` nothing that needs the failed step.
* After a final step has begun there is no way back: whatever does not need the failed step goes on. With
  ``quarantine`` this holds for each scope.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from drp.engine.bounds import Bounds
from drp.engine.events import Ending
from drp.engine.flight import Flight, Pools, Timers
from drp.engine.fold import RunState, StepState
from drp.engine.graph import Frontier, Graph
from drp.engine.journal import Draft
from drp.engine.orders import (
    CancelAsked,
    Finish,
    Launch,
    LeaseLost,
    Order,
    Resumed,
    Returned,
    Signal,
    TurnAsked,
    Wake,
    Write,
)
from drp.engine.tasks import (
    APPLY,
    OBSERVE,
    UNDO,
    Absent,
    Done,
    Failed,
    Outcome,
    Partial,
    Phase,
    Present,
    Task,
)
from drp.errors import BugError
from drp.model.plan import Step
from drp.model.values import JsonMap

UNDO_ATTEMPTS: Final = 3
"""An undo is tried at least so often, whatever its step's policy: the other choice is to wake somebody."""

GRACE: Final = 5.0
"""Seconds a worker may be late, so that its own words about the deadline are heard."""


class Scheduler:
    """One run. ``feed`` it everything that happens; carry out what it orders, in order."""

    def __init__(self, state: RunState, *, in_flight: int = 32, grace: float = GRACE) -> None:
        self.state = state
        self._steps = state.plan.steps
        self._graph = Graph(state.plan)
        self._bounds = Bounds(state, self._graph)
        self._frontier = Frontier(self._graph, back=state.back)
        self._flight = Flight(in_flight)
        self._pools = Pools(state.plan)
        self._delays = Timers()
        self._grace = grace
        self._doubts: dict[int, Failed] = {}
        self._patience: dict[int, float] = {}
        self._again = False
        self.lease_lost = False
        self._orders: list[Order] = []
        self._now = 0.0

    def feed(self, signals: Sequence[Signal], now: float) -> list[Order]:
        """Orders that follow from the signals at the moment ``now`` (seconds, never falling)."""
        self._now, self._orders = now, []
        for signal in signals:
            self._hear(signal)
        for number in self._flight.overdue(now):
            self._give_up(number)
        for number in self._delays.due(now):
            self._frontier.push(number)
        while self._frontier and not self._flight.is_full:
            self._consider(self._frontier.pop())
        self._rest()
        return self._orders

    # -- what is heard

    def _hear(self, signal: Signal) -> None:
        match signal:
            case Returned(task, outcome):
                self._land(self._graph.index[task.step.id], task, outcome)
            case Resumed(again, only):
                self._resume(again, only)
            case CancelAsked():
                self._cancel()
            case TurnAsked():
                if not self.state.back and not self.state.past_final:
                    self._turn("asked")
            case LeaseLost(unlaunched):
                self.lease_lost = True
                for task in unlaunched:
                    self._flight.land(self._graph.index[task.step.id], task)

    def _resume(self, again: bool, only: frozenset[str] | None) -> None:
        self._again = again
        only = self.state.only if only is None else only
        self._write("resumed", data={} if only is None else {"only": [*sorted(only)]})
        for step in self._steps:
            state, is_meant = self.state.steps[step.id], only is None or step.scope in only
            if state.status == "running":
                self._write("lost", step.id, state.attempts)
            elif state.status == "failed" and again and is_meant and not self.state.back:
                self._write("reopen" if state.begun else "reset", step.id)
        if self.state.failure is not None and not self.state.back:
            self._turn_after_failure()
        self._look_over()

    def _look_over(self) -> None:
        """Find out anew who is next."""
        self._frontier = Frontier(self._graph, back=self.state.back)
        if not self.state.back:
            self._close(self._bounds.over(self._flight.out))

    def _close(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self._frontier.give_up(number)

    def _cancel(self) -> None:
        if self.state.back or self.state.cancelling:
            return
        self._write("cancel")
        self._bounds.cancel()
        self._close(self._bounds.over(self._flight.out))

    def _turn_after_failure(self) -> None:
        if self.state.plan.on_failure == "roll-back" and not self.state.past_final and not self.lease_lost:
            self._turn("failure")

    def _turn(self, reason: str) -> None:
        self._write("turn", data={"reason": reason})
        self._delays.clear()
        self._look_over()

    # -- who is next

    def _consider(self, number: int) -> None:
        if number in self._flight.out:
            return
        if self.state.back:
            self._consider_undo(number)
        elif self.state.steps[self._steps[number].id].holds:
            self._frontier.settle(number)
        elif self._may_begin(number) and self._pools.take(number, self._steps[number].pools):
            self._look_or_begin(number)

    def _may_begin(self, number: int) -> bool:
        """Whether the step may begin, or be tried again, going forward."""
        return not self.lease_lost and not self.state.back and self._bounds.allow(number)

    def _look_or_begin(self, number: int) -> None:
        step = self._steps[number]
        attempt = self.state.steps[step.id].attempts + 1
        task = Task(
            step=step,
            phase=OBSERVE,
            attempt=attempt,
            inputs=self._inputs(number),
            failures=self._failures(number),
        )
        if step.read_only:
            self._begin(number, task)
        else:
            self._launch(number, task)

    def _inputs(self, number: int) -> dict[str, JsonMap]:
        ids = [self._steps[need].id for need in self._graph.upstream(number)]
        others = (self._steps[other].id for other in self._graph.afters[number])
        ids.extend(other for other in others if self.state.steps[other].holds)
        return {step: self.state.steps[step].outputs or {} for step in ids}

    def _failures(self, number: int) -> dict[str, JsonMap]:
        others = (self._steps[other] for other in self._graph.afters[number])
        scopes = dict.fromkeys(step.scope for step in others if not self.state.steps[step.id].holds)
        found = {scope: self.state.failures[scope] for scope in scopes if scope in self.state.failures}
        return {scope: failure.to_json() for scope, failure in found.items()}

    def _begin(self, number: int, look: Task) -> None:
        self._write("start", look.step.id, look.attempt)
        self._launch(number, _in_phase(look, APPLY))

    def _consider_undo(self, number: int) -> None:
        step = self._steps[number]
        state = self.state.steps[step.id]
        if state.status == "stuck" and not self._again:
            self._frontier.give_up(number)
        elif not state.begun or step.read_only or state.status == "undone":
            self._frontier.settle(number)
        elif not self.lease_lost and not self._must_wait(number) and self._pools.take(number, step.pools):
            self._undo(number, state)

    def _must_wait(self, number: int) -> bool:
        """A given-up worker of the step may still act: give it once more the deadline to come back."""
        if number not in self._flight.abandoned:
            return False
        until = self._patience.setdefault(number, self._now + self._steps[number].deadline.total_seconds())
        if until <= self._now:
            return False
        self._delays.add(until, number)
        return True

    def _undo(self, number: int, state: StepState) -> None:
        step = self._steps[number]
        attempt = state.undo_attempts + 1
        task = Task(step=step, phase=UNDO, attempt=attempt, inputs=self._inputs(number))
        self._write("undo", step.id, task.attempt)
        self._launch(number, task)

    # -- who comes back

    def _land(self, number: int, task: Task, outcome: Outcome) -> None:
        if not self._flight.land(number, task):
            if self.state.back:
                self._delays.drop(number)
                self._frontier.push(number)
            return
        match task.phase:
            case "observe":
                self._looked(number, task, outcome)
            case "apply":
                self._applied(number, task, outcome)
            case "undo":
                self._undone(number, task, outcome)
        self._release(number)

    def _release(self, number: int) -> None:
        """The step is back, unless it was sent out once more."""
        if number in self._flight.out:
            return
        for parked in self._pools.give(self._steps[number].pools):
            self._frontier.push(parked)
        if not self.state.back:
            self._close(self._bounds.over_with(number, self._flight.out))

    def _looked(self, number: int, task: Task, outcome: Outcome) -> None:
        step, doubt = task.step, self._doubts.pop(number, None)
        if self.state.back:
            self._frontier.push(number)
            return
        match outcome:
            case Present(outputs):
                begun, was_halted = self.state.steps[step.id].begun, self.state.is_halted(step.scope)
                self._write("done" if begun else "already", step.id, task.attempt, data={"outputs": outputs})
                self._frontier.settle(number)
                if was_halted and not self.state.is_halted(step.scope):
                    self._look_over()
            case _ if doubt is not None:
                self._fail(number, task, doubt)
            case Absent() | Partial():
                if self._may_begin(number):
                    self._begin(number, task)
            case _:
                self._try_again_or_fail(number, task, _failure(outcome, task))

    def _applied(self, number: int, task: Task, outcome: Outcome) -> None:
        if not isinstance(outcome, Done):
            self._try_again_or_fail(number, task, _failure(outcome, task))
            return
        self._write("done", task.step.id, task.attempt, data={"outputs": outcome.outputs})
        if self.state.back:
            self._frontier.push(number)
        else:
            self._frontier.settle(number)

    def _try_again_or_fail(self, number: int, task: Task, cause: Failed) -> None:
        failures = self.state.steps[task.step.id].failures + 1
        delay = _delay(cause, task.step.retry.next_delay(failures))
        if delay is None:
            self._fail(number, task, cause)
            return
        data: JsonMap = {"failure": cause.to_json(), "delay_s": delay}
        self._write("again", task.step.id, task.attempt, data=data)
        if self.state.back:
            self._frontier.push(number)
        elif self._may_begin(number):
            self._delays.add(self._now + delay, number)

    def _fail(self, number: int, task: Task, cause: Failed) -> None:
        self._write("failed", task.step.id, task.attempt, data={"failure": cause.to_json()})
        if self.state.back:
            self._frontier.push(number)
        else:
            self._turn_after_failure()

    def _undone(self, number: int, task: Task, outcome: Outcome) -> None:
        step = task.step
        if isinstance(outcome, Done):
            self._write("undone", step.id, task.attempt)
            self._frontier.settle(number)
            return
        cause = _failure(outcome, task)
        failures = self.state.steps[step.id].undo_failures + 1
        delay = _delay(cause, _undo_delay(step, failures))
        if delay is None or self.lease_lost:
            self._write("stuck", step.id, task.attempt, data={"failure": cause.to_json()})
            self._frontier.give_up(number)
            return
        data: JsonMap = {"failure": cause.to_json(), "delay_s": delay}
        self._write("undo-again", step.id, task.attempt, data=data)
        self._delays.add(self._now + delay, number)

    def _give_up(self, number: int) -> None:
        """The worker has not come back in time. What it did only a look can tell."""
        task = self._flight.out.pop(number)
        limit = f"no answer within {task.step.deadline.total_seconds():g} s"
        cause = Failed(error="DeadlineError", message=f"cannot {task.phase} '{task.step.id}': {limit}")
        if task.phase != OBSERVE:
            self._flight.abandoned[number] = task
        if task.phase == UNDO:
            self._write("stuck", task.step.id, task.attempt, data={"failure": cause.to_json()})
        elif task.phase == APPLY:
            self._write("lost", task.step.id, task.attempt)
            self._doubt(number, task, cause)
        elif self.state.back:
            self._frontier.push(number)
        else:
            self._fail(number, task, self._doubts.pop(number, cause))
        self._release(number)

    def _doubt(self, number: int, task: Task, cause: Failed) -> None:
        if self.state.back:
            self._frontier.push(number)
        elif self.lease_lost:
            return
        else:
            self._doubts[number] = cause
            look = replace(task, phase=OBSERVE, attempt=task.attempt + 1)
            self._launch(number, look)

    # -- the end

    def _rest(self) -> None:
        if self._flight.out or self._frontier or (self._delays and not self.lease_lost):
            times = (self._flight.next_deadline(), self._delays.next())
            known = [at for at in times if at is not None]
            self._orders.extend([Wake(min(known))] if known else [])
            return
        outcome = self._outcome()
        if not self.lease_lost:
            self._write("ended", data={"outcome": outcome})
        self._orders.append(Finish(outcome))

    def _outcome(self) -> Ending:
        states = [self.state.steps[step.id] for step in self._steps]
        if self.lease_lost:
            return "unknown"
        if self.state.back:
            if any(state.status == "stuck" for state in states):
                return "stuck"
            return "unknown" if self._flight.abandoned else "rolled-back"
        if all(state.holds for state in states):
            return "done"
        if self.state.failure is not None:
            return self._failed_outcome()
        if self.state.only is not None and not self.state.cancelling:
            return "partial"
        if not self.state.cancelling:
            raise BugError(f"run '{self.state.plan.run}' has steps to do and none that can begin")
        return "cancelled"

    def _failed_outcome(self) -> Ending:
        if self.state.plan.on_failure in ("roll-back", "stop") and not self.state.past_final:
            return "stopped"
        return "unknown" if self.state.doubted_scopes() else "partial"

    # -- orders

    def _write(self, kind: str, step: str = "", attempt: int = 0, *, data: JsonMap | None = None) -> None:
        draft = Draft(kind=kind, step=step, attempt=attempt, data=data or {})
        self.state.advance(draft)
        self._orders.append(Write(draft))

    def _launch(self, number: int, task: Task) -> None:
        self._flight.launch(number, task, self._now + task.step.deadline.total_seconds() + self._grace)
        self._orders.append(Launch(task))


def _in_phase(task: Task, phase: Phase) -> Task:
    return replace(task, phase=phase)


def _failure(outcome: Outcome, task: Task) -> Failed:
    if isinstance(outcome, Failed):
        return outcome
    kind = type(outcome).__name__
    return Failed(error="BugError", message=f"'{task.phase}' of '{task.step.id}' answered {kind}")


def _delay(cause: Failed, delay: timedelta | None) -> float | None:
    """Seconds until the next attempt, or None when there is none."""
    if not cause.transient or delay is None:
        return None
    return max(delay.total_seconds(), cause.retry_after or 0.0)


def _undo_delay(step: Step, failures: int) -> timedelta | None:
    policy = step.retry
    if failures >= UNDO_ATTEMPTS:
        return policy.next_delay(failures)
    return min(policy.wait, policy.limit)
