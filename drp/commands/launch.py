"""The shared path of every change: plan, show, ask, lease, look again, run, prove."""

from __future__ import annotations

from dataclasses import replace

from drp.actions.moves import FLEET
from drp.actions.orders import Order
from drp.commands.approval import postpone
from drp.commands.assignment import WAITS, Assignment, build_header
from drp.commands.desk import Desk, Workshop
from drp.commands.events import QuestionEvent
from drp.commands.execution import Execution
from drp.commands.lease import hold_lease, hold_setup
from drp.commands.promises import PROMISES, build_promises
from drp.commands.results import Review, RunReport
from drp.commands.review import Proposal, check_same, check_unmoved, propose, render_command, review
from drp.commands.runs import StateFolder, build_run_id
from drp.commands.saved import SavedPlan
from drp.commands.serving import find_served
from drp.errors import RefusedError
from drp.model.values import JsonMap

DRY_RUN = "plan"
"""Run id of a plan that is only looked at."""


def plan(workshop: Workshop, order: Order) -> Review:
    """What the order would do. Nothing is touched and nothing is written."""
    return review(workshop, propose(workshop, replace(order, run=DRY_RUN)))


def launch(
    desk: Desk,
    workshop: Workshop,
    order: Order,
    *,
    saved: SavedPlan | None = None,
    later: bool = False,
    fleet: str = "",
) -> RunReport:
    """Do what the order says, once the plan was shown and every question answered with yes.

    ``saved``: only if the plan is still that one. ``later``: ask nobody, and leave it as a run that waits to
    be approved. ``fleet``: the run over many that this one is a part of.
    Raises RefusedError, LeaseHeldError, ConfigError and the ports' errors; all of them before anything began.
    """
    run = build_run_id(order.verb, desk.clock.now(), desk.tail())
    proposal = propose(workshop, replace(order, run=run))
    if saved is not None:
        check_same(saved.digest, saved.facts, proposal, render_command(order))
    shown = review(workshop, proposal)
    desk.show(shown)
    answers = {} if later else ask_approvals(desk, shown)
    StateFolder(desk.state).ensure()
    with (
        hold_setup(desk, workshop, shown.verdicts, run=run),
        hold_lease(desk, workshop, order.tenant, run=run, verb=order.verb) as held,
    ):
        check_unmoved(workshop, proposal, shown)
        assignment = replace(_assign(desk, workshop, proposal, shown=shown), answers=answers)
        marks: JsonMap = {WAITS: True} if later else {FLEET: fleet} if fleet else {}
        assignment = replace(assignment, header={**assignment.header, **marks})
        if later:
            return postpone(desk, workshop, held, assignment)
        return Execution(desk, workshop, held, assignment=assignment).run()


def ask_approvals(desk: Desk, shown: Review) -> dict[str, str]:
    """Ask each question once; the answer of every step that waits for one. Raises RefusedError at a No."""
    steps = [step for step in shown.plan.steps if step.approval]
    for text in dict.fromkeys(step.approval or "" for step in steps) or [_question(shown)]:
        if not desk.ask(QuestionEvent(code="approve", text=text, flag="--yes")):
            raise RefusedError(
                f"cannot {shown.verb} '{shown.tenant}': the answer was no", state="nothing was touched"
            )
    return {step.id: f"yes, {desk.operator}" for step in steps}


def _question(shown: Review) -> str:
    way = f" from {shown.source} to {shown.target}" if shown.source and shown.target else ""
    return f"{shown.verb.capitalize()} {shown.tenant} ({shown.env}){way}?"


def _assign(desk: Desk, workshop: Workshop, proposal: Proposal, *, shown: Review) -> Assignment:
    order = proposal.order
    before = find_served(workshop.ports, workshop.inventory.tenants[order.tenant])
    return Assignment(
        plan=proposal.plan,
        verb=order.verb,
        before=before,
        expected=before.site if order.verb == "retire" else order.site,
        source=shown.source,
        target=shown.target,
        began=desk.clock.now(),
        header={**build_header(shown), PROMISES: _promise(workshop, shown)},
        estimate=shown.duration,
    )


def _promise(workshop: Workshop, shown: Review) -> JsonMap:
    return build_promises(
        workshop.inventory,
        [shown.tenant],
        source=shown.source.partition("/")[0],
        places={shown.tenant: shown.target},
        estimate=shown.duration,
    )
