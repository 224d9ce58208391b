"""Verbs about drills."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drp.actions.orders import Order
from drp.cli.verbs.session import Do, Session
from drp.commands.desk import Workshop
from drp.commands.drill.running import choose_oldest, plan_drill, run_drill
from drp.commands.fleet.results import AnyResult
from drp.errors import UsageError
from drp.model.values import render_list


def run(session: Session) -> AnyResult:
    workshop = session.open()
    order = _order(session, workshop)
    if session.common.dry_run:
        return plan_drill(workshop, order)
    return run_drill(session.desk(), workshop, order)


def _order(session: Session, workshop: Workshop) -> Order:
    """Raises UsageError for a site or tenant that is not configured, RefusedError for nobody."""
    invocation = session.invocation
    sites = workshop.inventory.sites
    if invocation.site and invocation.site not in sites:
        raise UsageError(
            f"cannot drill at '{invocation.site}': there is no such site",
            hint=f"Known: {render_list([*sites])}; see `drp config show`.",
        )
    tenants = invocation.selection.find(workshop.inventory, "drill")
    if invocation.sample is not None:
        tenants = choose_oldest(workshop, tenants, invocation.sample)
    return Order(verb="drill", run="", tenant="", tenants=tenants, site=invocation.site)


DO: Final[Mapping[str, Do]] = {"drill run": run}
