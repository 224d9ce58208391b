"""The loop that runs a plan: one thread owns all state, workers bring outcomes over a queue."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from drp.engine.events import Ending, Event, Failure, RunResult, Sink, ignore_events
from drp.engine.faults import Faults, NoFaults, point_after, point_before
from drp.engine.fold import RunState, StageSpans, endings, fold
from drp.engine.journal import FORMAT, Draft, Journal, Stamp
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
from drp.engine.scheduler import GRACE, Scheduler
from drp.engine.tasks import OBSERVE, Failed, Perform, Task
from drp.engine.telling import Teller
from drp.engine.workers import Broken, LeaveAsked, Progressed, ThreadWorkers, Workers
from drp.errors import BugError, RefusedError
from drp.model.plan import Plan
from drp.model.values import JsonMap
from drp.ports.clock import Clock

FINISHED: Final = frozenset({"done", "rolled-back"})
"""Outcomes with which a run is over for good; all others can be resumed."""

_LOOKS_S: Final = 0.5
"""Between two tries of a run that pauses to have its lease back."""


def always() -> bool:
    """The guard of a run that needs no lease."""
    return True


def hopeless() -> bool:
    """What is lost does not come back."""
    return False


def trust(drafts: Sequence[Draft]) -> None:
    """The confirmation of a run that needs no lease."""


def draft_plan(plan: Plan, header: JsonMap) -> Draft:
    """The first record of a run. ``header``: under which circumstances the plan was made."""
    data: JsonMap = {"format": FORMAT, "plan": plan.to_json()}
    return Draft(kind="plan", data=data | ({"header": header} if header else {}))


class Runner:
    """Runs a plan to its end, or goes on with the run whose records the journal already holds.

    ``epoch`` gives the number of the lease under which records are written, ``header`` goes into the first
    of them. ``answers`` maps the ids of steps with an approval to what a human said. ``may_continue`` is
    asked before anything begins: False stops the run where it is, outcome ``unknown``, resumable by whoever
    holds the lease. ``confirm`` is shown what is about to be recorded, and raises when nothing of it may
    begin. ``in_flight``: the most steps at once, so the most a crash can leave in doubt.
    """

    def __init__(
        self,
        plan: Plan,
        journal: Journal,
        perform: Perform,
        *,
        clock: Clock,
        actor: str,
        epoch: Callable[[], int] = int,
        header: JsonMap | None = None,
        answers: Mapping[str, str] | None = None,
        sink: Sink = ignore_events,
        may_continue: Callable[[], bool] = always,
        regain: Callable[[], bool] = hopeless,
        patience: float = 0.0,
        confirm: Callable[[Sequence[Draft]], None] = trust,
        in_flight: int = 32,
        grace: float = GRACE,
        faults: Faults | None = None,
        workers: Workers | None = None,
    ) -> None:
        self._plan, self._journal, self._clock = plan, journal, clock
        self._actor, self._epoch = actor, epoch
        self._header, self._confirm = header or {}, confirm
        self._answers = dict(answers or {})
        self._sink, self._may_continue = sink, may_continue
        self._regain, self._patience_s = regain, patience
        self._heard: list[Signal] = []
        self._has_left = False
        self._faults = faults or NoFaults()
        self._workers = workers or ThreadWorkers(perform, self._faults)
        records = journal.read()
        self._is_new = not records
        self._state = fold(records) if records else RunState.of(plan)
        if self._state.plan != plan and self._state.plan.digest() != plan.digest():
            raise BugError(f"cannot run '{plan.run}': its journal holds another plan")
        self._teller = Teller(self._state)
        self._spans = StageSpans(self._state.stage_of)
        self._spans.add(records)
        self.scheduler = Scheduler(self._state, in_flight=in_flight, grace=grace)

    def run(
        self, *, again: bool = False, back: bool = False, only: frozenset[str] | None = None
    ) -> RunResult:
        """Go on until nothing is left to do.

        A run that has ended writes nothing more, unless ``again`` (try once more what had failed, was
        stuck or was cancelled; a finished run stays finished) or ``back`` (undo all that was begun).
        ``only``: with ``again``, take up these scopes and leave all others as they are; an interrupted
        session that was so limited stays so. Raises RefusedError (an approval is missing, there is no way
        back, or no such scope), JournalError.
        """
        self._check(back=back)
        self._check_scopes(only or frozenset())
        if self._state.ended in FINISHED or (self._state.ended and not (again or back)):
            return self._result(self._state.ended)
        try:
            return self._result(self._loop(self._begin(again=again, back=back, only=only)))
        finally:
            self._workers.close()

    def cancel(self) -> None:
        """Stop at the next safe point. From any thread or a signal handler."""
        self._workers.post(CancelAsked())

    def turn_back(self) -> None:
        """Undo all that was begun. From any thread; after the final step it is only answered by an event."""
        self._workers.post(TurnAsked())

    def leave(self) -> None:
        """Let ``run`` return at once, whatever is in flight: outcome ``unknown``."""
        self._workers.post(LeaveAsked())

    # -- beginning

    def _check(self, *, back: bool) -> None:
        run, state = self._plan.run, self._state
        if back and state.past_final:
            raise RefusedError(
                f"cannot roll back '{run}': its final step has begun",
                hint=f"Go on with `drp resume {run}`; the way home is a new migration.",
            )
        if back and state.ended == "done":
            raise RefusedError(f"cannot roll back '{run}': it is done")
        missing = [step.id for step in self._plan.steps if step.approval and not self._is_answered(step.id)]
        if missing and not back and not state.back and state.ended is None:
            raise RefusedError(
                f"cannot run '{run}': step '{missing[0]}' has no approval",
                hint=f"Answer its question with `drp resume {run}`.",
            )

    def _check_scopes(self, only: frozenset[str]) -> None:
        known = self._plan.scopes()
        for unknown in sorted(only.difference(known)):
            raise RefusedError(
                f"cannot take up '{unknown}' of '{self._plan.run}': it is no part of that run",
                hint=f"Its parts: {', '.join(sorted(filter(None, known))[:10]) or 'none'}.",
            )

    def _is_answered(self, step: str) -> bool:
        return step in self._answers or step in self._state.answers

    def _begin(self, *, again: bool, back: bool, only: frozenset[str] | None) -> list[Signal]:
        drafts: list[Draft] = []
        if self._is_new:
            drafts.append(draft_plan(self._plan, self._header))
        for step, answer in self._answers.items():
            if self._state.answers.get(step) != answer:
                draft = Draft(kind="answer", step=step, data={"answer": answer})
                self._state.advance(draft)
                drafts.append(draft)
        self._record(drafts)
        signals: list[Signal] = []
        if not self._is_new:
            signals.append(Resumed(again or (back and self._state.back), only if again else None))
        return [*signals, TurnAsked()] if back else signals

    # -- the loop

    def _loop(self, signals: list[Signal]) -> Ending:
        self._heard = signals
        while True:
            if not self._await_lease():
                self._heard.append(LeaseLost())
            if self._has_left:
                return "unknown"
            signals, self._heard = self._heard, []
            orders = self.scheduler.feed(signals, self._clock.monotonic())
            outcome = self._carry_out(orders)
            if outcome is not None:
                return outcome
            self._hear(0.0 if self._heard else self._patience(orders))

    def _await_lease(self) -> bool:
        """Whether anything may begin. What is heard during a pause is kept; who asks to stop ends it."""
        if self._may_continue():
            return True
        ends = self._clock.monotonic() + self._patience_s
        if not self._is_patient(ends):
            return False
        self._tell_run("pausing")
        while self._is_patient(ends) and self._regain():
            if self._may_continue():
                self._tell_run("going-on")
                return True
            self._hear(_LOOKS_S)
        return False

    def _is_patient(self, ends: float) -> bool:
        is_stopped = any(isinstance(signal, CancelAsked | TurnAsked) for signal in self._heard)
        is_over = self._has_left or self.scheduler.lease_lost or is_stopped
        return not is_over and self._clock.monotonic() < ends

    def _tell_run(self, status: str) -> None:
        self._sink(Event(kind="run", time=self._clock.now(), name=self._plan.run, status=status))

    def _carry_out(self, orders: Sequence[Order]) -> Ending | None:
        self._record([order.draft for order in orders if isinstance(order, Write)])
        self._launch([order.task for order in orders if isinstance(order, Launch)])
        return next((order.outcome for order in orders if isinstance(order, Finish)), None)

    def _record(self, drafts: list[Draft]) -> None:
        if not drafts:
            return
        self._confirm(drafts)
        for draft in drafts:
            self._faults.hit(point_before(draft, self._plan.run))
        stamp = Stamp(time=self._clock.now(), actor=self._actor, epoch=self._epoch())
        records = self._journal.append(drafts, stamp)
        self._spans.add(records)
        for record in records:
            for event in self._teller.tell(record):
                self._sink(event)
        for draft in drafts:
            self._faults.hit(point_after(draft, self._plan.run))

    def _launch(self, tasks: list[Task]) -> None:
        """Asks for the lease once more: writing may have taken longer than the lease lasts."""
        changes = any(task.phase != OBSERVE for task in tasks)
        if changes and not self._await_lease():
            self._workers.post(LeaseLost(tuple(tasks)))
            return
        for task in tasks:
            self._workers.launch(task)

    def _patience(self, orders: Sequence[Order]) -> float | None:
        now = self._clock.monotonic()
        return next((max(0.0, order.at - now) for order in orders if isinstance(order, Wake)), None)

    def _hear(self, timeout: float | None) -> None:
        """Keep what comes, waiting up to so many seconds (None: for ever) for the first of it."""
        for message in self._workers.wait(timeout):
            match message:
                case LeaveAsked():
                    self._has_left = True
                case Broken(cause):
                    raise cause
                case Progressed(task, data):
                    self._progress(task, data)
                case TurnAsked() if self._state.past_final:
                    self._tell_run("not-turning-back")
                case Returned() | TurnAsked() | CancelAsked() | LeaseLost() | Resumed():
                    self._heard.append(message)

    def _progress(self, task: Task, data: JsonMap) -> None:
        now, step = self._clock.now(), task.step
        event = Event(kind="progress", time=now, name=step.id, stage=step.stage, scope=step.scope, data=data)
        self._sink(event)

    def _result(self, outcome: Ending) -> RunResult:
        failure = self._state.failure
        if self.scheduler.lease_lost:
            message = f"cannot go on with '{self._plan.run}': its lease was not renewed in time"
            cause = Failed(error="LeaseHeldError", message=message)
            failure = Failure(step="", stage="", attempt=0, cause=cause)
        return RunResult(
            outcome=outcome,
            failure=failure,
            seconds=self._spans.seconds(),
            states={step: found.status for step, found in self._state.steps.items()},
            failures={**self._state.failures},
            scopes=endings(self._state),
        )
