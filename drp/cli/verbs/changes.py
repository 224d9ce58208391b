"""Verbs that change who serves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drp.actions.orders import Order
from drp.cli.verbs.session import Do, Session
from drp.commands import launch
from drp.commands.desk import Workshop
from drp.commands.results import Result
from drp.commands.saved import SavedPlan, load_plan, save_plan
from drp.errors import UsageError
from drp.model.values import render_list


def change(session: Session) -> Result:
    invocation, workshop = session.invocation, session.open()
    saved = load_plan(invocation.plan) if invocation.plan else None
    order = _order(session, workshop, saved)
    if not session.common.dry_run:
        return launch.launch(session.desk(), workshop, order, saved=saved, later=invocation.ask_later)
    found = launch.plan(workshop, order)
    if invocation.out is not None:
        save_plan(invocation.out, found)
    return found


def _order(session: Session, workshop: Workshop, saved: SavedPlan | None) -> Order:
    """Raises UsageError for a tenant or site the configuration does not know, or another verb's plan."""
    verb = session.invocation.verb
    if saved is not None and saved.order.verb != verb:
        raise UsageError(f"cannot {verb} by '{session.invocation.plan}': it plans to {saved.order.verb}")
    tenant = saved.order.tenant if saved else session.invocation.subject
    known = workshop.inventory.tenants
    if tenant not in known:
        raise UsageError(
            f"cannot {verb} '{tenant}': there is no such tenant",
            hint=f"Known: {render_list(sorted(known)) or 'none'}; see `drp status`.",
        )
    site = (saved.order.site if saved else session.invocation.site) or known[tenant].home
    if site not in workshop.inventory.sites:
        raise UsageError(
            f"cannot {verb} '{tenant}': there is no site '{site}'",
            hint=f"Known: {render_list([*workshop.inventory.sites])}; see `drp config show`.",
        )
    return Order(verb=verb, run="", tenant=tenant, site=site)


DO: Final[Mapping[str, Do]] = {"deploy": change, "migrate": change, "retire": change}
