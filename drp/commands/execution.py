"""Run a plan under a lease, and say at its end who serves, on evidence."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import datetime
from typing import ClassVar, Generic, Protocol, TypeVar

from drp.commands.assignment import Assignment, describe
from drp.commands.copying import PATIENCE_S, Confirmation, CopyHook, catch_up
from drp.commands.desk import Desk, Workshop
from drp.commands.endings import AS_BEFORE, DONE, REFUSED, Ending
from drp.commands.estimates import WORKED
from drp.commands.events import RunEvent, WarningEvent, WorldEvent, render_utc
from drp.commands.guarding import guard
from drp.commands.lease import HeldLease
from drp.commands.narration import Narrator
from drp.commands.reporting import Stand, build_report
from drp.commands.results import RunReport, Served
from drp.commands.runs import StateFolder
from drp.commands.stopping import Departure, Stoppable
from drp.engine.events import Sink
from drp.engine.journal import Draft, Stamp
from drp.engine.runner import Runner, draft_plan
from drp.engine.sqlite_journal import SqliteJournal
from drp.engine.tasks import Perform
from drp.errors import DrpError, RefusedError
from drp.model.plan import Plan
from drp.model.values import JsonMap
from drp.witness.journal_copy import JournalCopy
from drp.witness.leases import CancelRequest
from drp.witness.machine import find_machine
from drp.witness.runs import ALL, RunBegin, RunEnd, Runs

R = TypeVar("R", bound="Report")


class Report(Protocol):
    """What every report of a run has."""

    @property
    def ending(self) -> Ending: ...

    def to_json(self) -> JsonMap: ...


class Work(Protocol):
    """A run that may go on now: what a turn needs of it."""

    @property
    def plan(self) -> Plan: ...

    @property
    def verb(self) -> str: ...

    @property
    def began(self) -> datetime: ...

    @property
    def answers(self) -> Mapping[str, str]: ...

    @property
    def back(self) -> bool: ...

    @property
    def header(self) -> JsonMap: ...


class Held(Protocol):
    """The lease, or leases, under which a turn is taken. ``is_abandoned``: only their terms may end them."""

    is_abandoned: bool

    @property
    def number(self) -> int: ...

    def may_continue(self) -> bool: ...

    def regain(self) -> bool: ...

    def confirm(self) -> None: ...

    def listen(self, on_cancel: Callable[[CancelRequest], None]) -> None: ...


class Turn(ABC, Generic[R]):
    """One process's turn at a run; what is told and reported is up to the kind of run.

    ``closing``: endings after which it cannot be resumed. ``again``: whether what failed is tried once more
    when it is.
    """

    closing: ClassVar[tuple[Ending, ...]] = (DONE, AS_BEFORE, REFUSED)
    again: ClassVar[bool] = True

    def __init__(
        self, desk: Desk, workshop: Workshop, held: Held, work: Work, *, only: frozenset[str] | None = None
    ) -> None:
        """``only``: take up these scopes and leave all others as they are."""
        self._desk = desk
        self._workshop = workshop
        self._held = held
        self._work = work
        self._only = only
        self._copy = JournalCopy(workshop.witness, work.plan.run, lease=lambda: held.number)
        self._cancelled_by = ""

    def run(self) -> R:
        """Whatever goes wrong after the first step is part of the report, not an exception.

        Raises RefusedError when the engine will not begin, and what the witness raises before that.
        """
        path = StateFolder(self._desk.state).journal(self._work.plan.run)
        hook = CopyHook(self._copy, self._desk.clock, self._work.plan, begin=self._record_begin)
        with closing(SqliteJournal(path, copy=hook)) as journal:
            runner = self._build_runner(journal)
            # Signals stay with the run until its end is written down.
            with self._desk.stops(self._stoppable(runner)) as departure:
                return self._turn(runner, journal, departure)

    def announce(self) -> None:
        """Record the plan here and in the witness, and begin nothing. Raises what the witness raises."""
        work, desk = self._work, self._desk
        hook = CopyHook(self._copy, desk.clock, work.plan, begin=self._record_begin)
        stamp = Stamp(time=desk.clock.now(), actor=desk.operator, epoch=self._held.number)
        with closing(SqliteJournal(StateFolder(desk.state).journal(work.plan.run), copy=hook)) as journal:
            journal.append([draft_plan(work.plan, work.header)], stamp)

    @abstractmethod
    def _sink(self) -> Sink:
        """Who is told what the engine tells."""

    @abstractmethod
    def _report(self, stand: Stand, journal: SqliteJournal) -> R:
        """How it ended, by looking."""

    @abstractmethod
    def _tell_end(self, report: R) -> None: ...

    @abstractmethod
    def _measure(self, report: R) -> JsonMap:
        """What is kept with the end of the run, for estimates to come."""

    @abstractmethod
    def _describe(self) -> JsonMap:
        """What another machine must know besides the plan."""

    def _perform(self) -> Perform:
        """The hands of the run."""
        return self._workshop.performer(self._work.plan.run, self._held.number)

    def _stoppable(self, runner: Runner) -> Stoppable:
        """What signals and cancels reach."""
        return runner

    @property
    def _scope(self) -> str:
        """Of the index of runs."""
        return self._work.plan.tenant or ALL

    def _build_runner(self, journal: SqliteJournal) -> Runner:
        work, desk = self._work, self._desk
        return Runner(
            work.plan,
            journal,
            guard(self._perform(), self._workshop.ports, work.plan, work.header),
            clock=desk.clock,
            actor=desk.operator,
            epoch=lambda: self._held.number,
            header=work.header,
            answers=work.answers,
            sink=self._sink(),
            may_continue=self._held.may_continue,
            regain=self._held.regain,
            patience=PATIENCE_S,
            confirm=Confirmation(work.plan, desk.clock, self._held.confirm),
            faults=desk.faults,
        )

    def _turn(self, runner: Runner, journal: SqliteJournal, departure: Departure) -> R:
        catch_up(self._copy, self._work.plan.run, journal.read())
        self._copy.start()
        self._held.listen(lambda request: self._hear_cancel(self._stoppable(runner), request))
        stand = self._engine(runner, departure)
        self._held.is_abandoned = stand.outcome == "unknown"
        try:
            report = self._report(stand, journal)
            if stand.trouble is None and not stand.has_left and self._held.may_continue():
                self._keep(report, journal)
        finally:
            self._end_copy()
        if self._cancelled_by:
            text = f"{self._cancelled_by} asked for the run to be cancelled"
            self._desk.emit(WarningEvent(code="cancel", text=text))
        self._record_end(report, head=journal.head().hash)
        self._tell_end(report)
        return report

    def _keep(self, report: R, journal: SqliteJournal) -> None:
        """What was seen at the end, for whoever reads the journal later; the run itself has ended."""
        data: JsonMap = {"status": report.ending.word, "exit_code": report.ending.code, **report.to_json()}
        stamp = Stamp(time=self._desk.clock.now(), actor=self._desk.operator, epoch=self._held.number)
        try:
            journal.append([Draft(kind="judged", data={"report": data})], stamp)
        except DrpError as error:
            self._desk.emit(WarningEvent(code="journal", text=error.message))

    def _hear_cancel(self, run: Stoppable, request: CancelRequest) -> None:
        """On the keeper's thread: what is to be told waits for the run's own."""
        self._cancelled_by = request.owner
        run.cancel()

    def _engine(self, runner: Runner, departure: Departure) -> Stand:
        try:
            result = runner.run(again=self.again, back=self._work.back, only=self._only)
        except RefusedError:
            # Said before anything began.
            raise
        except DrpError as error:
            # The engine could not go on (journal, witness); what was in flight may have been done.
            return Stand(outcome="stuck" if error.exit_code == 7 else "unknown", trouble=error)
        return Stand(
            outcome=result.outcome, failure=result.failure, result=result, has_left=departure.has_left
        )

    def _record_begin(self) -> None:
        """What any machine must know besides the journal; put once the plan is in the witness."""
        plan = self._work.plan
        begin = RunBegin(
            run=plan.run,
            scope=self._scope,
            verb=self._work.verb,
            owner=self._desk.operator,
            machine=find_machine(),
            began=render_utc(self._work.began),
            plan_digest=plan.digest(),
            details=self._describe(),
        )
        Runs(self._workshop.witness).begin(begin)

    def _end_copy(self) -> None:
        try:
            self._copy.stop()
        except DrpError as error:
            text = f"{error.message}; the journal here is whole, its copy in the witness is behind"
            self._desk.emit(WarningEvent(code="copy", text=text))

    def _record_end(self, report: R, *, head: str) -> None:
        """Only a run that cannot be resumed gets an end in the witness; the others stay open there."""
        if report.ending not in self.closing:
            return
        end = RunEnd(
            run=self._work.plan.run,
            scope=self._scope,
            status="rolled-back" if self._work.back else report.ending.word,
            exit_code=report.ending.code,
            ended=render_utc(self._desk.clock.now()),
            journal_head=head,
            details=self._measure(report),
        )
        try:
            Runs(self._workshop.witness).end(end)
        except DrpError as error:
            self._desk.emit(WarningEvent(code="runs", text=error.message))


class Execution(Turn[RunReport]):
    """A turn at a run on one tenant."""

    def __init__(self, desk: Desk, workshop: Workshop, held: HeldLease, *, assignment: Assignment) -> None:
        super().__init__(desk, workshop, held, assignment)
        self._assignment = assignment

    def _sink(self) -> Narrator:
        assignment = self._assignment
        return Narrator(
            self._desk.emit,
            assignment.plan,
            verb=assignment.verb,
            source=assignment.source,
            target=assignment.target,
            estimate=assignment.estimate,
            before=_world(assignment.now or assignment.before, can_go_back=assignment.can_go_back),
        )

    def _report(self, stand: Stand, journal: SqliteJournal) -> RunReport:
        return build_report(self._desk, self._workshop, self._assignment, stand=stand, journal=journal)

    def _describe(self) -> JsonMap:
        return describe(self._assignment)

    def _measure(self, report: RunReport) -> JsonMap:
        """How long it worked; not where its work was in several processes."""
        is_whole = self._assignment.now is None
        return {WORKED: round(report.seconds * 1000)} if is_whole else {}

    def _tell_end(self, report: RunReport) -> None:
        self._desk.emit(_world(report.served, can_go_back=report.can_go_back))
        self._desk.emit(
            RunEvent(
                run=report.run,
                name=report.verb,
                tenant=report.served.tenant,
                status=report.ending.word,
                reason=report.error.cause if report.error else "",
            )
        )


def _world(served: Served, *, can_go_back: bool) -> WorldEvent:
    return WorldEvent(
        tenant=served.tenant,
        serves=served.site,
        writes=served.writes,
        way_back="auto" if can_go_back else "none",
        probed=served.probed,
    )
