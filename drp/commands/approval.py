"""A plan that waits for somebody's yes: recorded as a run, approved from any machine, then resumed.

The answer is recorded in the run's journal together with the name of the plan it was given for. It counts for
that plan only, and only as long as the world is the one the plan was made from.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import Final

from drp.actions.orders import Order
from drp.commands.assignment import WAITS, Assignment, header_of, text_of
from drp.commands.copying import CopyHook, catch_up
from drp.commands.desk import Desk, Workshop
from drp.commands.endings import WAITING
from drp.commands.events import QuestionEvent, WarningEvent
from drp.commands.execution import Execution
from drp.commands.journals import recall, restore
from drp.commands.lease import HeldLease, hold_lease
from drp.commands.results import Listing, Review, RunReport
from drp.commands.review import Proposal, check_same, propose, render_command, review
from drp.commands.runs import StateFolder, tail_of
from drp.engine.fold import fold
from drp.engine.journal import Draft, Record, Stamp
from drp.engine.sqlite_journal import SqliteJournal
from drp.errors import RefusedError, WaitingError
from drp.model.plan import Plan
from drp.witness.journal_copy import JournalCopy
from drp.witness.runs import RunBegin

_ALL: Final = ""
"""Instead of a step: the question whether the plan is to be run at all."""


def postpone(desk: Desk, workshop: Workshop, held: HeldLease, assignment: Assignment) -> RunReport:
    """Record the run as one that waits; nothing of it is begun. Raises what the witness raises."""
    waiting = Execution(desk, workshop, held, assignment=assignment)
    waiting.announce()
    tail = tail_of(assignment.plan.run)
    return RunReport(
        ending=WAITING,
        run=assignment.plan.run,
        verb=assignment.verb,
        served=assignment.before,
        source=assignment.source,
        target=assignment.target,
        began=assignment.began,
        seconds=(desk.clock.now() - assignment.began).total_seconds(),
        stages={},
        can_go_back=True,
        next=f"drp approve {tail}",
    )


def approve(desk: Desk, workshop: Workshop, begin: RunBegin) -> Listing:
    """Show the plan of a waiting run, ask its questions, and record who said yes.

    Raises RefusedError when it waits for nobody, the world has moved, or the answer was no.
    """
    shown = inspect_approval(desk, workshop, begin)
    desk.show(shown)
    for text in dict.fromkeys(_questions(shown.plan).values()):
        if not desk.ask(QuestionEvent(code="approve", text=text, flag="--yes")):
            raise RefusedError(f"cannot approve '{begin.run}': the answer was no", state="it still waits")
    _record(desk, workshop, begin, shown)
    tail = tail_of(begin.run)
    return Listing(
        lines=(f"✓ {begin.run}: plan {shown.digest} approved by {desk.operator}",),
        data={"run": begin.run, "plan": shown.digest, "by": desk.operator},
        summary=f"  start it with: drp resume {tail}",
    )


def inspect_approval(desk: Desk, workshop: Workshop, begin: RunBegin) -> Review:
    """The plan of a waiting run, with the world as it is now. Raises RefusedError as ``approve``."""
    records = recall(StateFolder(desk.state).journal(begin.run), workshop.witness, begin.run).records
    _require_waiting(records, begin)
    proposal = check_world(workshop, records)
    return review(workshop, replace(proposal, plan=fold(records).plan))


def is_postponed(records: Sequence[Record]) -> bool:
    """A run that was recorded to wait, and of which nothing has begun."""
    return header_of(records).get(WAITS) is True and all(r.kind in ("plan", "answer") for r in records)


def is_approved(records: Sequence[Record]) -> bool:
    """Every question of its plan was answered, for this very plan."""
    world = header_of(records).get("world")
    given = {r.step for r in records if r.kind == "answer" and r.data.get("plan") == world}
    return given >= _questions(fold(records).plan).keys()


def require_approved(records: Sequence[Record], begin: RunBegin) -> None:
    """Raises WaitingError while somebody's yes is missing."""
    if not is_approved(records):
        tail = tail_of(begin.run)
        raise WaitingError(
            f"cannot resume '{begin.run}': nobody has approved it yet",
            state="nothing of it has begun",
            hint=f"Approve it with `drp approve {tail}`, or drop it with `drp rollback {tail}`.",
        )


def check_world(workshop: Workshop, records: Sequence[Record]) -> Proposal:
    """Plan the order of a waiting run once more. Raises RefusedError when the world has moved since."""
    header, plan = header_of(records), fold(records).plan
    found = header.get("order")
    words = found if isinstance(found, dict) else {}
    order = Order(
        verb=text_of(words.get("verb")),
        run=plan.run,
        tenant=text_of(words.get("tenant")),
        site=text_of(words.get("site")),
    )
    proposal = propose(workshop, order)
    check_same(text_of(header.get("world")), plan.inputs, proposal, render_command(order))
    return proposal


def _require_waiting(records: Sequence[Record], begin: RunBegin) -> None:
    if not records or not is_postponed(records):
        raise RefusedError(
            f"cannot approve '{begin.run}': it does not wait for approval",
            hint=f"See what it does with `drp status {tail_of(begin.run)}`.",
        )
    if is_approved(records):
        last = records[-1]
        raise RefusedError(
            f"cannot approve '{begin.run}': {last.actor} approved it at {last.time.isoformat()}",
            hint=f"Start it with `drp resume {tail_of(begin.run)}`.",
        )


def _questions(plan: Plan) -> dict[str, str]:
    """Step -> what is asked about it; a plan without questions is asked about as a whole."""
    asked = {step.id: step.approval for step in plan.steps if step.approval}
    return asked or {_ALL: f"{plan.runbook.capitalize()} {plan.tenant}?"}


def _record(desk: Desk, workshop: Workshop, begin: RunBegin, shown: Review) -> None:
    """Under the tenant's lease: a journal has one writer."""
    folder = StateFolder(desk.state)
    folder.ensure()
    path = folder.journal(begin.run)
    drafts = [
        Draft(kind="answer", step=step, data={"answer": f"yes, {desk.operator}", "plan": shown.digest})
        for step in _questions(shown.plan)
    ]
    with hold_lease(desk, workshop, begin.scope, run=begin.run, verb=begin.verb) as held:
        now = recall(path, workshop.witness, begin.run)
        _require_waiting(now.records, begin)
        stamp = Stamp(time=desk.clock.now(), actor=desk.operator, epoch=held.number)
        kept = restore(path, now, drafts=[], stamp=stamp)
        if kept is not None:
            desk.emit(WarningEvent(code="journal", text=f"{now.damage}: the old file is '{kept}'"))
        copied = JournalCopy(workshop.witness, begin.run, lease=lambda: held.number)
        catch_up(copied, begin.run, now.records)
        hook = CopyHook(copied, desk.clock, shown.plan, begin=_begun_already)
        with closing(SqliteJournal(path, copy=hook)) as journal:
            journal.append(drafts, stamp)


def _begun_already() -> None:
    """The run is in the index since it was recorded."""
