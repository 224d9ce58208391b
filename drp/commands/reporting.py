"""The report of a run: from its journal, and from looking who serves now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from drp.commands.assignment import Assignment
from drp.commands.desk import Desk, Workshop
from drp.commands.endings import AS_BEFORE, DONE, REFUSED, Ending
from drp.commands.events import UNKNOWN, ErrorEvent, build_error_event
from drp.commands.figures import collect_figures
from drp.commands.judgement import Evidence, is_touched, judge
from drp.commands.results import RunReport, Served
from drp.commands.runs import tail_of
from drp.commands.serving import find_served
from drp.engine.events import Ending as Outcome
from drp.engine.events import Failure, RunResult
from drp.engine.fold import RunState, StageSpans, fold
from drp.engine.journal import Journal
from drp.errors import DrpError

_CLOSED: Final = (DONE, AS_BEFORE, REFUSED)
"""Endings after which there is nothing to resume."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """How the engine came back; ``trouble``: it could not go on. ``has_left``: it was not waited for."""

    outcome: Outcome
    failure: Failure | None = None
    result: RunResult | None = None
    trouble: DrpError | None = None
    has_left: bool = False


def build_report(
    desk: Desk, workshop: Workshop, assignment: Assignment, *, stand: Stand, journal: Journal
) -> RunReport:
    """Raises JournalError when the journal cannot be read any more."""
    plan, tenant = assignment.plan, workshop.inventory.tenants[assignment.plan.tenant]
    after = _left(desk, assignment) if stand.has_left else find_served(workshop.ports, tenant)
    records = journal.read()
    state = fold(records)
    spans = StageSpans(state.stage_of)
    # A stage's length is that of this process's turn: nobody worked in the pause before it.
    spans.add(record for record in records if record.time >= assignment.began)
    ending = _judge(assignment, state, stand=stand, after=after)
    outputs = {name: step.outputs for name, step in state.steps.items() if step.outputs is not None}
    return RunReport(
        ending=ending,
        run=plan.run,
        verb=assignment.verb,
        back=assignment.back,
        source=assignment.source,
        target=assignment.target,
        served=after,
        home=tenant.home,
        home_place=workshop.inventory.lines.get(f"tenants.{tenant.name}.home", ""),
        freeze_bar_s=tenant.freeze.total_seconds(),
        began=assignment.began,
        seconds=(desk.clock.now() - assignment.began).total_seconds(),
        stages=spans.seconds(),
        figures=collect_figures(plan, outputs),
        error=_error_of(stand),
        failed_step=_failed_step(stand),
        open_steps=tuple(name for name, step in state.steps.items() if not step.holds),
        can_go_back=ending not in _CLOSED and not state.past_final,
        next=_next(assignment, ending),
        command=_command(assignment),
    )


def _left(desk: Desk, assignment: Assignment) -> Served:
    """Nobody looks any more: leaving means at once."""
    before = assignment.before
    reason = f"left with steps under way; {before.site} served when the run began"
    return Served(
        tenant=before.tenant,
        site=UNKNOWN,
        writes=None,
        probed=desk.clock.now(),
        epoch=before.epoch,
        reason=reason,
    )


def _judge(assignment: Assignment, state: RunState, *, stand: Stand, after: Served) -> Ending:
    states = {name: step.status for name, step in state.steps.items()}
    return judge(
        Evidence(
            outcome=stand.outcome,
            touched=is_touched(assignment.plan, states),
            failure=stand.failure.cause if stand.failure else None,
            before=assignment.before,
            after=after,
            expected=assignment.expected,
            asked_back=assignment.back,
        )
    )


def _error_of(stand: Stand) -> ErrorEvent | None:
    trouble = stand.trouble
    if trouble is not None:
        return tell_trouble(trouble)
    if stand.failure is None:
        return None
    cause = stand.failure.cause
    return build_error_event(cause.error, cause.message, state=cause.state, hint=cause.hint, page=cause.page)


def tell_trouble(trouble: DrpError) -> ErrorEvent:
    """Why the engine could not go on."""
    return build_error_event(
        type(trouble).__name__,
        trouble.message,
        state=trouble.state,
        hint=trouble.hint,
        page=trouble.page,
    )


def _failed_step(stand: Stand) -> str:
    """ "" when it was no step that failed but the run itself (a lost lease)."""
    if stand.failure is None or not stand.failure.step:
        return ""
    return f"step {stand.failure.step}, attempt {stand.failure.attempt}"


def _command(assignment: Assignment) -> str:
    """The words after ``drp`` that give the same order again."""
    tenant = assignment.plan.tenant
    source = assignment.source.partition("/")[0]
    if assignment.verb == "cleanup":
        return f"journal rebuild {tenant}"
    ends = {"migrate": f" --to {assignment.expected}", "retire": f" --from {source}"}
    return f"{assignment.verb} {tenant}{ends.get(assignment.verb, '')}"


def _next(assignment: Assignment, ending: Ending) -> str:
    """The next command, as in ``drp resume 7f3a``; "" when there is none."""
    if ending is DONE and assignment.verb == "migrate" and not assignment.back:
        return f"drp retire {assignment.plan.tenant} --from {assignment.source.partition('/')[0]}"
    if ending in _CLOSED:
        return ""
    return f"drp resume {tail_of(assignment.plan.run)}"
