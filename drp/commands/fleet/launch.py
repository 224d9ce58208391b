"""The shared path of every order for many: plan, show, ask, leases, look again, run, prove."""

from __future__ import annotations

import socket
from dataclasses import replace
from datetime import timedelta
from importlib.metadata import version

from drp.actions.fleet import losses
from drp.actions.orders import MOVES, Order
from drp.commands.desk import Desk, Workshop
from drp.commands.drill.ending import end_drills
from drp.commands.events import QuestionEvent
from drp.commands.fleet.deciding import PLANNED, check_alive, check_not_isolated, decide, look_at_site
from drp.commands.fleet.execution import FleetWork
from drp.commands.fleet.leases import HeldLeases, hold_leases
from drp.commands.fleet.moving import build_turn, tenants_to_hold
from drp.commands.fleet.orders import Consent
from drp.commands.fleet.results import FleetReport, FleetReview
from drp.commands.fleet.superseding import supersede
from drp.commands.promises import PROMISES, build_promises
from drp.commands.review import Proposal, check_unmoved, propose, render_command, world_digest, world_facts
from drp.commands.runs import StateFolder, build_run_id
from drp.errors import LeaseHeldError, RefusedError
from drp.model.sights import SiteSight
from drp.model.values import Json, JsonMap, parse_duration, render_duration, render_list

DRY_RUN = "plan"


def plan(workshop: Workshop, order: Order) -> FleetReview:
    """What the order would do. Nothing is touched and nothing is written."""
    sight = _look(workshop, order)
    return review(workshop, propose(workshop, replace(order, run=DRY_RUN)), sight)


def launch(desk: Desk, workshop: Workshop, order: Order, *, consent: Consent) -> FleetReport:
    """Do what the order says, once the plan was shown and consent given in the shape of the danger.

    Raises RefusedError, LeaseHeldError, ConfigError and the ports' errors; all of them before anything began.
    """
    sight = _look(workshop, order)
    run = build_run_id(order.verb, desk.clock.now(), desk.tail())
    proposal = propose(workshop, replace(order, run=run))
    shown = review(workshop, proposal, sight)
    desk.show(shown)
    if (
        order.verb == "failover"
        and sight is not None
        and decide(desk, order, sight, mode=consent.mode) == PLANNED
    ):
        return launch(desk, workshop, replace(order, verb="planned"), consent=consent)
    ask(desk, shown, consent=consent)
    StateFolder(desk.state).ensure()
    if order.verb == "failover":
        end_drills(desk, workshop, site=order.site, by=run)
    leased = tenants_to_hold(order.verb, shown.tenants)
    with hold_leases(desk, workshop, leased, run=run, verb=order.verb) as held:
        proposal, shown = _without_held(workshop, proposal, shown, held=held)
        check_unmoved(workshop, proposal, shown)
        if order.verb == "failover":
            supersede(desk, workshop, shown.tenants, run=run)
        work = build_work(desk, workshop, proposal, shown)
        return build_turn(desk, workshop, held, work).run()


def _look(workshop: Workshop, order: Order) -> SiteSight | None:
    """At the site that is left. Raises RefusedError when this machine sees nothing at all."""
    if not order.source:
        return None
    sight = look_at_site(workshop.ports, order)
    check_not_isolated(order, sight)
    if order.verb == "planned":
        check_alive(order, sight)
    return sight


def review(workshop: Workshop, proposal: Proposal, sight: SiteSight | None = None) -> FleetReview:
    order, facts = proposal.order, proposal.facts
    tenants = [each for each in _list(facts.get("tenants")) if isinstance(each, dict)]
    left_out = facts.get("left_out")
    is_lossy = order.verb == "failover"
    return FleetReview(
        verb=order.verb,
        source=order.source,
        target=order.site,
        tenants=tuple(str(each["name"]) for each in tenants),
        places={str(each["name"]): _place(each) for each in tenants},
        losses=losses(facts, workshop.ports.clock.now()) if is_lossy else {},
        left_out={k: str(v) for k, v in left_out.items()} if isinstance(left_out, dict) else {},
        command=render_command(order),
        plan=proposal.plan,
        inventory=workshop.inventory.digest,
        digest=world_digest(proposal),
        facts=world_facts(facts),
        sight=sight,
        at_once=proposal.plan.limits.get("moves", 0),
    )


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _place(facts: JsonMap) -> str:
    found = facts.get("target") or facts.get("source")
    return f"{found['site']}/{found['host']}" if isinstance(found, dict) else ""


def ask(desk: Desk, shown: FleetReview, *, consent: Consent) -> None:
    """A backup asks nothing. A failover asks for the loss it may cost, every move for the number."""
    if shown.verb not in ("failover", *MOVES):
        return
    if shown.verb == "failover":
        _accept_loss(desk, shown, consent=consent)
    count = len(shown.tenants)
    if consent.expect_tenants is None:
        question = QuestionEvent(
            code="count",
            text=f"{count} tenants move. Type that number:",
            flag=f"--expect-tenants {count}",
        )
        typed = desk.type_in(question)
        is_right = typed.strip() == str(count)
    else:
        is_right = consent.expect_tenants == count
    if not is_right:
        raise RefusedError(
            f"cannot {shown.order} '{shown.source or shown.target}': {count} tenants would move, "
            "another number was expected",
            state="nothing was touched",
            hint=f"Look again with `drp plan {shown.command}`, then add `--expect-tenants {count}`.",
        )


def _accept_loss(desk: Desk, shown: FleetReview, *, consent: Consent) -> None:
    worst = timedelta(seconds=shown.worst_loss_s)
    accepted = consent.accept_loss
    if accepted is None:
        name = max(shown.losses, key=lambda tenant: shown.losses[tenant], default="")
        text = f"{name} would lose {render_duration(worst)} of writes. Accept up to:"
        typed = desk.type_in(QuestionEvent(code="loss", text=text, flag="--accept-loss DURATION"))
        accepted = _read_duration(typed)
    beyond = [name for name, loss in shown.losses.items() if timedelta(seconds=loss) > accepted]
    if beyond:
        raise RefusedError(
            f"cannot {shown.verb} '{shown.source}': {render_list(beyond)} would lose more than "
            f"{render_duration(accepted)}, at worst {render_duration(worst)}",
            state="nothing was touched",
            hint="Accept more with `--accept-loss DURATION`, or leave them out with `--except`.",
        )


def _read_duration(typed: str) -> timedelta:
    try:
        return parse_duration(typed)
    except ValueError as error:
        raise RefusedError(f"{error}", state="nothing was touched", hint="Add `--accept-loss 5m`.") from error


def _without_held(
    workshop: Workshop, proposal: Proposal, shown: FleetReview, *, held: HeldLeases
) -> tuple[Proposal, FleetReview]:
    """Tenants on which another run works are left out; a new plan is made for the others."""
    if not held.refused:
        return proposal, shown
    if not held.tenants:
        raise LeaseHeldError(next(iter(held.refused.values())), state="this command changed nothing")
    order = replace(
        proposal.order, tenants=tuple(name for name in proposal.order.tenants if name not in held.refused)
    )
    proposal = propose(workshop, order)
    again = review(workshop, proposal)
    return proposal, replace(again, left_out={**again.left_out, **held.refused})


def build_work(desk: Desk, workshop: Workshop, proposal: Proposal, shown: FleetReview) -> FleetWork:
    return FleetWork(
        plan=proposal.plan,
        verb=shown.verb,
        source=shown.source,
        target=shown.target,
        expected=shown.target if shown.verb in ("failover", "start", *MOVES) else "",
        tenants=shown.tenants,
        skipped=shown.left_out,
        facts=proposal.facts,
        began=desk.clock.now(),
        header={
            "run": proposal.plan.run,
            "drp": version("drp"),
            "plan": proposal.plan.digest(),
            "inventory": shown.inventory,
            "world": shown.digest,
            "machine": socket.gethostname(),
            "order": {"verb": shown.verb, "tenants": [*shown.tenants], "site": shown.target},
            "left_out": {**shown.left_out},
            PROMISES: build_promises(
                workshop.inventory,
                shown.tenants,
                source=shown.source,
                places=shown.places,
                losses=shown.losses,
            ),
        },
    )
