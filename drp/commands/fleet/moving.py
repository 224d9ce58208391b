"""A turn at a run whose steps are runs of their own: one move for each tenant, which goes back by itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

from pydantic import TypeAdapter

from drp.actions.moves import MoveParams, MoveTenant, find_other, find_part
from drp.actions.orders import MOVES, Order, epochs
from drp.commands.desk import Desk, Workshop
from drp.commands.endings import CANCELLED, DONE, PARTIAL, STUCK, UNKNOWN, Ending
from drp.commands.events import Emit, Event, QuestionEvent, RunEvent, StepEvent, WarningEvent
from drp.commands.fleet.execution import FleetTurn, FleetWork
from drp.commands.fleet.leases import HeldLeases, await_expiry
from drp.commands.fleet.results import FleetReview, TenantOutcome
from drp.commands.fleet.verdicts import WAITS, conclude_moves, judge_move
from drp.commands.launch import launch
from drp.commands.lease import open_leases
from drp.commands.recover import find_run, go_on
from drp.commands.reporting import Stand
from drp.commands.results import Review, RunReport, Takeover
from drp.commands.stopping import Departure, Stoppable
from drp.engine.fold import fold
from drp.engine.journal import Record
from drp.engine.runner import Runner
from drp.engine.tasks import APPLY, Done, Failed, OnProgress, Outcome, Perform, Task
from drp.errors import RefusedError
from drp.model.values import JsonMap
from drp.witness.runs import RunReader

_PARAMS: Final = TypeAdapter(MoveParams)
_ERRORS: Final[Mapping[Ending, str]] = {
    CANCELLED: WAITS,
    UNKNOWN: "UnknownError",
    STUCK: "StuckError",
    PARTIAL: "StuckError",
}
"""What a move failed of when its run is still open; else it is what the run itself failed of."""


def build_turn(
    desk: Desk, workshop: Workshop, held: HeldLeases, work: FleetWork, *, only: frozenset[str] | None = None
) -> FleetTurn:
    """The kind of turn that the verb needs."""
    kind = MovesTurn if work.verb in MOVES else FleetTurn
    return kind(desk, workshop, held, work=work, only=only)


def tenants_to_hold(verb: str, tenants: Sequence[str]) -> Sequence[str]:
    """Whose leases the run itself takes; each move takes its tenant's."""
    return () if verb in MOVES else tenants


@dataclass(slots=True)
class Parts:
    """The runs that are under way, as one thing that can be stopped. Used from many threads."""

    is_cancelled: bool = False
    has_left: bool = False
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _known: dict[int, tuple[Stoppable, Departure]] = field(default_factory=dict)

    @contextmanager
    def stops(self, run: Stoppable) -> Iterator[Departure]:
        """While inside, the run hears what its whole is told; at once, if that was before."""
        departure = Departure()
        with self._lock:
            self._known[id(run)] = run, departure
            departure.has_left = self.has_left
            if self.is_cancelled:
                run.cancel()
        try:
            yield departure
        finally:
            with self._lock:
                del self._known[id(run)]

    def cancel(self) -> None:
        with self._lock:
            self.is_cancelled = True
            for run, _ in self._known.values():
                run.cancel()

    def leave(self) -> None:
        with self._lock:
            self.has_left = self.is_cancelled = True
            for run, departure in self._known.values():
                departure.has_left = True
                run.leave()


@dataclass(frozen=True, slots=True)
class Whole:
    """The run over many with its parts, as signals see it."""

    runner: Runner
    parts: Parts

    def cancel(self) -> None:
        self.runner.cancel()
        self.parts.cancel()

    def leave(self) -> None:
        self.parts.leave()
        self.runner.leave()


@dataclass(frozen=True, slots=True, kw_only=True)
class Movers:
    """Hands that move a tenant by a run of its own, and leave all else to the others."""

    desk: Desk
    workshop: Workshop
    others: Perform
    parts: Parts
    run: str

    def __call__(self, task: Task, progress: OnProgress) -> Outcome:
        if task.phase != APPLY or task.step.action != MoveTenant.name:
            return self.others(task, progress)
        params = _PARAMS.validate_python(task.step.params)
        if self.parts.is_cancelled:
            return Failed(error=WAITS, message=f"cannot move '{params.tenant}' now: the run was stopped")
        return _outcome(self._move(params, progress))

    def _move(self, params: MoveParams, progress: OnProgress) -> RunReport:
        """Begin its run, or go on with it. Raises what these raise; then nothing was touched."""
        desk = self._build_desk(progress)
        found = find_part(RunReader(self.workshop.witness), params.tenant, self.run)
        if found is None:
            return launch(desk, self.workshop, self._order(params), fleet=self.run)
        expired = await_expiry(open_leases(desk, self.workshop), params.tenant)
        run = find_run(desk, self.workshop, found.begin.run, back=False)
        return go_on(desk, self.workshop, run, back=False, expired=expired)

    def _order(self, params: MoveParams) -> Order:
        serving = epochs(self.workshop.ports).find_serving(params.tenant)
        other = find_other(RunReader(self.workshop.witness), params.tenant, self.run)
        if other or serving is None or serving.site != params.source:
            where = serving.site if serving else "nobody"
            raise RefusedError(
                f"cannot move '{params.tenant}': "
                f"{other or f'it is served by {where}, planned {params.source}'}",
                hint="See who serves with `drp status`, then plan anew.",
                page="A9",
            )
        return Order(
            verb="migrate",
            run="",
            tenant=params.tenant,
            site=params.site,
            host=params.host,
            links=params.links,
        )

    def _build_desk(self, progress: OnProgress) -> Desk:
        """Whoever gave the order for all has answered for each."""
        return replace(
            self.desk,
            ask=_agree,
            show=_hide,
            emit=_Teller(self.desk.emit, progress),
            stops=self.parts.stops,
        )


def _agree(_: QuestionEvent) -> bool:
    return True


def _hide(_: Review | Takeover | FleetReview) -> None:
    """It was shown as a part of the whole."""


class _Teller:
    """Of what a part tells: its warnings, and how many of its steps are done."""

    def __init__(self, emit: Emit, progress: OnProgress) -> None:
        self._emit = emit
        self._progress = progress
        self._total = 0
        self._done: set[str] = set()

    def __call__(self, event: Event) -> None:
        match event:
            case WarningEvent():
                self._emit(event)
            case RunEvent() if event.steps:
                self._total = event.steps
            case StepEvent(status="done"):
                self._done.add(event.step)
                self._progress({"done": len(self._done), "total": self._total, "unit": "steps"})
            case StepEvent(status="undone"):
                self._done.discard(event.step)
                self._progress({"done": len(self._done), "total": self._total, "unit": "steps"})


def _outcome(report: RunReport) -> Outcome:
    """What the end of its run is for the step."""
    if report.ending is DONE:
        kept: JsonMap = {
            key: report.figures[key] for key in ("freeze_ms", "content") if key in report.figures
        }
        return Done({"run": report.run, **kept})
    state = f"run '{report.run}' ended {report.ending.word}"
    if report.ending in _ERRORS:
        cause = report.error.cause if report.error else report.ending.meaning
        return Failed(error=_ERRORS[report.ending], message=f"{state}: {cause}")
    error = report.error
    if error is None:
        return Failed(error="StepError", message=state)
    words = f"cannot {error.verb} '{error.object}': {error.cause}" if error.verb else error.cause
    page = error.code if error.code != error.error else ""
    return Failed(error=error.error, message=words, state=state, hint=error.hint, page=page)


class MovesTurn(FleetTurn):
    """One process's turn: it holds the lease of the run, each part that of its tenant."""

    @cached_property
    def _parts(self) -> Parts:
        return Parts()

    def _perform(self) -> Perform:
        run = self._fleet.plan.run
        others = super()._perform()
        return Movers(desk=self._desk, workshop=self._workshop, others=others, parts=self._parts, run=run)

    def _stoppable(self, runner: Runner) -> Stoppable:
        return Whole(runner, self._parts)

    def _judge(self, stand: Stand, records: Sequence[Record]) -> list[TenantOutcome]:
        steps = fold(records).steps
        figures: dict[str, JsonMap] = {
            step.scope: outputs
            for step in self._fleet.plan.steps
            if step.action == MoveTenant.name and (outputs := steps[step.id].outputs)
        }
        judged = super()._judge(stand, records)
        return [
            replace(judge_move(outcome, self._fleet.target), figures=figures.get(outcome.tenant, {}))
            for outcome in judged
        ]

    def _conclude(self, outcomes: Sequence[TenantOutcome], stand: Stand) -> Ending:
        return conclude_moves(outcomes, stand.result, cancelled=self._parts.is_cancelled)
