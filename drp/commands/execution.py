"""Run a plan under a lease, and say at its end who serves, on evidence."""

from __future__ import annotations

from contextlib import closing

from drp.commands.assignment import Assignment, describe
from drp.commands.copying import Confirmation, CopyHook, catch_up
from drp.commands.desk import Desk, Workshop
from drp.commands.endings import AS_BEFORE, DONE, REFUSED
from drp.commands.events import RunEvent, WarningEvent, WorldEvent, render_utc
from drp.commands.lease import HeldLease
from drp.commands.narration import Narrator
from drp.commands.reporting import Stand, build_report
from drp.commands.results import RunReport, Served
from drp.commands.runs import StateFolder
from drp.commands.stopping import Departure
from drp.engine.runner import Runner
from drp.engine.sqlite_journal import SqliteJournal
from drp.errors import DrpError, RefusedError
from drp.witness.journal_copy import JournalCopy
from drp.witness.machine import find_machine
from drp.witness.runs import RunBegin, RunEnd, Runs


class Execution:
    """One process's turn at a run."""

    def __init__(self, desk: Desk, workshop: Workshop, held: HeldLease, *, assignment: Assignment) -> None:
        self._desk = desk
        self._workshop = workshop
        self._held = held
        self._assignment = assignment
        self._copy = JournalCopy(workshop.witness, assignment.plan.run, lease=lambda: held.number)

    def run(self) -> RunReport:
        """Whatever goes wrong after the first step is part of the report, not an exception.

        Raises RefusedError when the engine will not begin, and what the witness raises before that.
        """
        path = StateFolder(self._desk.state).journal(self._assignment.plan.run)
        hook = CopyHook(self._copy, self._desk.clock, self._assignment.plan, begin=self._record_begin)
        with closing(SqliteJournal(path, copy=hook)) as journal:
            runner = self._build_runner(journal)
            # Signals stay with the run until its end is written down.
            with self._desk.stops(runner) as departure:
                return self._turn(runner, journal, departure)

    def _build_runner(self, journal: SqliteJournal) -> Runner:
        assignment, desk = self._assignment, self._desk
        return Runner(
            assignment.plan,
            journal,
            self._workshop.performer(assignment.plan.run, self._held.number),
            clock=desk.clock,
            actor=desk.operator,
            epoch=lambda: self._held.number,
            header=assignment.header,
            answers=assignment.answers,
            sink=Narrator(
                desk.emit,
                assignment.plan,
                verb=assignment.verb,
                source=assignment.source,
                target=assignment.target,
                before=_world(assignment.now or assignment.before, can_go_back=assignment.can_go_back),
            ),
            may_continue=self._held.keeper.may_continue,
            confirm=Confirmation(assignment.plan, desk.clock, self._held.keeper.confirm),
            faults=desk.faults,
        )

    def _turn(self, runner: Runner, journal: SqliteJournal, departure: Departure) -> RunReport:
        catch_up(self._copy, self._assignment.plan.run, journal.read())
        self._copy.start()
        stand = self._engine(runner, departure)
        self._held.is_abandoned = stand.outcome == "unknown"
        self._end_copy()
        report = build_report(self._desk, self._workshop, self._assignment, stand=stand, journal=journal)
        self._record_end(report, head=journal.head().hash)
        self._tell_end(report)
        return report

    def _engine(self, runner: Runner, departure: Departure) -> Stand:
        try:
            result = runner.run(again=True, back=self._assignment.back)
        except RefusedError:
            # Said before anything began.
            raise
        except DrpError as error:
            # The engine could not go on (journal, witness); what was in flight may have been done.
            return Stand(outcome="stuck" if error.exit_code == 7 else "unknown", trouble=error)
        return Stand(outcome=result.outcome, failure=result.failure, has_left=departure.has_left)

    def _record_begin(self) -> None:
        """What any machine must know besides the journal; put once the plan is in the witness."""
        plan = self._assignment.plan
        begin = RunBegin(
            run=plan.run,
            scope=plan.tenant,
            verb=self._assignment.verb,
            owner=self._desk.operator,
            machine=find_machine(),
            began=render_utc(self._assignment.began),
            plan_digest=plan.digest(),
            details=describe(self._assignment),
        )
        Runs(self._workshop.witness).begin(begin)

    def _end_copy(self) -> None:
        try:
            self._copy.stop()
        except DrpError as error:
            text = f"{error.message}; the journal here is whole, its copy in the witness is behind"
            self._desk.emit(WarningEvent(code="copy", text=text))

    def _record_end(self, report: RunReport, *, head: str) -> None:
        """Only a run that cannot be resumed gets an end in the witness; the others stay open there."""
        if report.ending not in (DONE, AS_BEFORE, REFUSED):
            return
        end = RunEnd(
            run=report.run,
            scope=report.served.tenant,
            status="rolled-back" if report.back else report.ending.word,
            exit_code=report.ending.code,
            ended=render_utc(self._desk.clock.now()),
            journal_head=head,
        )
        try:
            Runs(self._workshop.witness).end(end)
        except DrpError as error:
            self._desk.emit(WarningEvent(code="runs", text=error.message))

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
