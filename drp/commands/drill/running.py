"""Run a drill: beside whatever else goes on with its tenants, and never two of the same one at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from drp.actions.orders import Order
from drp.commands.desk import Desk, Workshop
from drp.commands.drill.turn import LEASE_SUFFIX, VERB, DrillTurn
from drp.commands.fleet.launch import build_work, review
from drp.commands.fleet.leases import hold_leases
from drp.commands.fleet.results import FleetReport, FleetReview
from drp.commands.review import propose
from drp.commands.runs import StateFolder, build_run_id
from drp.errors import LeaseHeldError, RefusedError
from drp.witness.proofs import ProofReader


def plan_drill(workshop: Workshop, order: Order) -> FleetReview:
    """What a drill would do. Nothing is touched. Raises RefusedError and the ports' errors."""
    return review(workshop, propose(workshop, replace(order, run="drill-plan")))


def run_drill(desk: Desk, workshop: Workshop, order: Order) -> FleetReport:
    """Drill ``order.tenants`` at ``order.site`` ("": each at the first site that does not serve it), under
    the id that the order has, or a new one.

    Asks nothing: nothing that serves is touched. Tenants of which a drill goes on elsewhere, or that find no
    room, are left out by name. The report ends as ``done``, ``findings`` (a proof is bad), ``partial`` (a
    bubble could not be removed) or ``cancelled``. Raises RefusedError when nobody can be drilled,
    LeaseHeldError when all of them are being drilled, and the ports' errors; all before anything began.
    """
    run = order.run or build_run_id(VERB, desk.clock.now(), desk.tail())
    order = replace(order, verb=VERB, run=run)
    StateFolder(desk.state).ensure()
    with hold_leases(desk, workshop, order.tenants, run=run, verb=VERB, suffix=LEASE_SUFFIX) as held:
        free = tuple(name for name in order.tenants if name in held.tenants)
        if not free:
            raise LeaseHeldError(next(iter(held.refused.values())), state="this command changed nothing")
        proposal = propose(workshop, replace(order, tenants=free))
        shown = review(workshop, proposal)
        shown = replace(shown, left_out={**shown.left_out, **held.refused})
        desk.show(shown)
        return DrillTurn(desk, workshop, held, work=build_work(desk, workshop, proposal, shown)).run()


def choose_oldest(workshop: Workshop, tenants: Sequence[str], number: int) -> tuple[str, ...]:
    """Those of the tenants whose last proof is the oldest; before all, those that have none.

    Raises RefusedError for no number at all, and the witness's errors.
    """
    if number < 1:
        raise RefusedError(
            "cannot drill nobody: the sample is empty",
            state="nothing was touched",
            hint="Say `drp drill run --sample 1`.",
        )
    reader = ProofReader(workshop.witness)

    def last(tenant: str) -> str:
        found = reader.find_newest(tenant)
        return "" if found is None else found.moment.isoformat()

    return tuple(sorted(tenants, key=lambda name: (last(name), name))[:number])
