"""Run a plan under a lease, and say at its end who serves, on evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime

from drp.commands.copying import CopyHook
from drp.commands.desk import Desk, Workshop
from drp.commands.endings import AS_BEFORE, DONE, REFUSED, Ending
from drp.commands.events import ErrorEvent, RunEvent, WarningEvent, WorldEvent, parse_message, render_utc
from drp.commands.figures import collect_figures
from drp.commands.judgement import Evidence, is_touched, judge
from drp.commands.lease import HeldLease
from drp.commands.narration import Narrator
from drp.commands.results import RunReport, Served
from drp.commands.runs import StateFolder, tail_of
from drp.commands.serving import find_served
from drp.engine.events import Ending as Outcome
from drp.engine.fold import RunState, StageSpans, fold
from drp.engine.journal import Journal, Record
from drp.engine.runner import Runner
from drp.engine.sqlite_journal import SqliteJournal
from drp.errors import DrpError
from drp.model.plan import Plan
from drp.witness.journal_copy import JournalCopy
from drp.witness.runs import RunEnd, Runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A run that may go on now. ``before`` who served when it first began; ``expected`` who shall at its end.

    ``back``: undo instead of going forward. ``began`` is when this process took it up.
    """

    plan: Plan
    verb: str
    before: Served
    expected: str
    source: str
    target: str
    began: datetime
    answers: Mapping[str, str] = field(default_factory=dict)
    back: bool = False


def execute(desk: Desk, workshop: Workshop, held: HeldLease, *, assignment: Assignment) -> RunReport:
    """Run it to an end. Whatever goes wrong from here on is part of the report, not an exception."""
    plan = assignment.plan
    copy = JournalCopy(workshop.witness, plan.run)
    hook = CopyHook(copy, desk.clock, plan)
    with closing(SqliteJournal(StateFolder(desk.state).journal(plan.run), copy=hook)) as journal:
        copy.start()
        _tell_world(desk, assignment.before, way_back="auto")
        outcome, trouble = _run(desk, workshop, held, assignment=assignment, journal=journal)
        held.is_abandoned = outcome == "unknown"
        _end_copy(desk, copy)
        report = _report(desk, workshop, assignment, outcome=outcome, trouble=trouble, journal=journal)
        _record_end(desk, workshop, report, head=journal.head().hash)
    _tell_end(desk, report)
    return report


def _run(
    desk: Desk, workshop: Workshop, held: HeldLease, *, assignment: Assignment, journal: Journal
) -> tuple[Outcome, DrpError | None]:
    runner = Runner(
        assignment.plan,
        journal,
        workshop.performer(assignment.plan.run),
        clock=desk.clock,
        actor=desk.operator,
        epoch=held.keeper.lease.number,
        answers=assignment.answers,
        sink=_narrator(desk, assignment),
        may_continue=held.keeper.may_continue,
    )
    with desk.stops(runner):
        try:
            return runner.run(again=True, back=assignment.back).outcome, None
        except DrpError as error:
            # The engine could not go on (journal, witness); what was in flight may have been done.
            return "stuck" if error.exit_code == 7 else "unknown", error


def _narrator(desk: Desk, assignment: Assignment) -> Narrator:
    ends = {"source": assignment.source, "target": assignment.target}
    return Narrator(desk.emit, assignment.plan, verb=assignment.verb, **ends)


def _end_copy(desk: Desk, copy: JournalCopy) -> None:
    try:
        copy.stop()
    except DrpError as error:
        text = f"{error.message}; the journal here is whole, its copy in the witness is behind"
        desk.emit(WarningEvent(code="copy", text=text))


def _report(
    desk: Desk,
    workshop: Workshop,
    assignment: Assignment,
    *,
    outcome: Outcome,
    trouble: DrpError | None,
    journal: Journal,
) -> RunReport:
    plan = assignment.plan
    after = find_served(workshop.ports, workshop.inventory.tenants[plan.tenant])
    records = journal.read()
    state = fold(records)
    ending = _judge(assignment, state, outcome=outcome, after=after)
    outputs = {name: step.outputs for name, step in state.steps.items() if step.outputs is not None}
    return RunReport(
        ending=ending,
        run=plan.run,
        verb=assignment.verb,
        served=after,
        began=assignment.began,
        seconds=(desk.clock.now() - assignment.began).total_seconds(),
        stages=_seconds(records, state),
        figures=collect_figures(plan, outputs),
        error=_error_of(state, trouble),
        failed_step=_failed_step(state),
        open_steps=tuple(name for name, step in state.steps.items() if not step.holds),
        next=_next(assignment, ending),
    )


def _seconds(records: Sequence[Record], state: RunState) -> dict[str, float]:
    spans = StageSpans(state.stage_of)
    spans.add(records)
    return spans.seconds()


def _judge(assignment: Assignment, state: RunState, *, outcome: Outcome, after: Served) -> Ending:
    states = {name: step.status for name, step in state.steps.items()}
    return judge(
        Evidence(
            outcome=outcome,
            touched=is_touched(assignment.plan, states),
            failure=state.failure.cause if state.failure else None,
            before=assignment.before,
            after=after,
            expected=assignment.expected,
        )
    )


def _error_of(state: RunState, trouble: DrpError | None) -> ErrorEvent | None:
    if trouble is not None:
        return _error(type(trouble).__name__, trouble.message, state=trouble.state, hint=trouble.hint)
    if state.failure is None:
        return None
    cause = state.failure.cause
    return _error(cause.error, cause.message, state=cause.state, hint=cause.hint)


def _error(kind: str, message: str, *, state: str, hint: str) -> ErrorEvent:
    verb, thing, cause = parse_message(message)
    return ErrorEvent(code=kind, verb=verb, object=thing, cause=cause, state=state, hint=hint)


def _failed_step(state: RunState) -> str:
    if state.failure is None:
        return ""
    return f"step {state.failure.step}, attempt {state.failure.attempt}"


def _next(assignment: Assignment, ending: Ending) -> str:
    """The next command, as in ``drp resume 7f3a``."""
    tail = tail_of(assignment.plan.run)
    if ending is DONE:
        site = assignment.source.partition("/")[0]
        return f"drp retire {assignment.plan.tenant} --from {site}" if assignment.verb == "migrate" else ""
    if ending in (AS_BEFORE, REFUSED):
        return ""
    return f"drp resume {tail}"


def _record_end(desk: Desk, workshop: Workshop, report: RunReport, *, head: str) -> None:
    """Only a run that cannot be resumed gets an end in the witness; the others stay open there."""
    if report.ending not in (DONE, AS_BEFORE, REFUSED):
        return
    end = RunEnd(
        run=report.run,
        scope=report.served.tenant,
        status=report.ending.word,
        exit_code=report.ending.code,
        ended=render_utc(desk.clock.now()),
        journal_head=head,
    )
    try:
        Runs(workshop.witness).end(end)
    except DrpError as error:
        desk.emit(WarningEvent(code="runs", text=error.message))


def _tell_world(desk: Desk, served: Served, *, way_back: str) -> None:
    desk.emit(
        WorldEvent(
            tenant=served.tenant,
            serves=served.site,
            writes=served.writes,
            way_back="auto" if way_back == "auto" else "none",
            probed=served.probed,
        )
    )


def _tell_end(desk: Desk, report: RunReport) -> None:
    _tell_world(desk, report.served, way_back="none")
    desk.emit(
        RunEvent(
            run=report.run,
            name=report.verb,
            tenant=report.served.tenant,
            status=report.ending.word,
            reason=report.error.cause if report.error else "",
        )
    )
