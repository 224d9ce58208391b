"""Verbs that work on many tenants at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drp.actions.orders import Order
from drp.cli.verbs.session import Do, Session
from drp.commands.desk import Workshop
from drp.commands.fleet import launch
from drp.commands.fleet.deciding import PLANNED
from drp.commands.fleet.recover import retry as take_up
from drp.commands.fleet.results import AnyResult
from drp.commands.fleet.starting import build_start
from drp.errors import UsageError
from drp.model.values import render_list


def change(session: Session) -> AnyResult:
    workshop = session.open()
    order = _order(session, workshop)
    if session.common.dry_run:
        return launch.plan(workshop, order)
    return launch.launch(session.desk(), workshop, order, consent=session.invocation.consent)


def retry(session: Session) -> AnyResult:
    invocation = session.invocation
    return take_up(
        session.desk(),
        session.open(),
        invocation.subject,
        tenants=invocation.selection.tenants,
        failed=invocation.failed,
    )


def _order(session: Session, workshop: Workshop) -> Order:
    """Raises UsageError for a site or tenant that is not configured, RefusedError for nobody."""
    invocation = session.invocation
    if invocation.verb == "start":
        return build_start(workshop.ports, invocation.subject)
    if invocation.verb == "failback":
        return _homeward(session, workshop)
    verb, sites = invocation.verb, workshop.inventory.sites
    needed = (invocation.source, invocation.site) if verb == "failover" else ()
    for site in (*needed, *([invocation.site] if invocation.site else [])):
        if site not in sites:
            raise UsageError(
                f"cannot {verb} '{site or 'nowhere'}': there is no such site",
                hint=f"Known: {render_list([*sites])}; see `drp config show`.",
            )
    if verb == "failover" and invocation.source == invocation.site:
        raise UsageError(
            f"cannot {verb} '{invocation.site}': it is the site they leave",
            hint="Name two sites, as in `drp failover --from dc3 --to dc5 --all`.",
        )
    is_planned = verb == "failover" and invocation.consent.mode == PLANNED
    return Order(
        verb=PLANNED if is_planned else verb,
        run="",
        tenant="",
        tenants=invocation.selection.find(workshop.inventory, verb),
        site=invocation.site,
        source=invocation.source,
        parallel=invocation.parallel,
    )


def _homeward(session: Session, workshop: Workshop) -> Order:
    """To the one site that is home to all. Raises UsageError when they have several and none is named."""
    invocation, inventory = session.invocation, workshop.inventory
    tenants = invocation.selection.find(inventory, "failback")
    homes = sorted({inventory.tenants[name].home for name in tenants})
    site = invocation.site or homes[0]
    if site not in inventory.sites or (len(homes) > 1 and not invocation.site):
        cause = "there is no such site" if len(homes) == 1 or invocation.site else "they have several homes"
        raise UsageError(
            f"cannot failback to '{site}': {cause}",
            hint=f"Say `--to SITE`. Known: {render_list([*inventory.sites])}.",
        )
    return Order(verb="failback", run="", tenant="", tenants=tenants, site=site, parallel=invocation.parallel)


DO: Final[Mapping[str, Do]] = {
    "backup": change,
    "reserve": change,
    "failover": change,
    "failback": change,
    "start": change,
    "retry": retry,
}
