"""One run at a time works on a tenant: take its lease in the witness, keep it, give it back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from drp.commands.desk import Desk, Workshop
from drp.commands.events import WarningEvent, render_utc
from drp.commands.results import Served
from drp.commands.runs import tail_of
from drp.commands.serving import find_served
from drp.errors import DrpError, LeaseHeldError, ProviderError
from drp.witness.keeper import LeaseKeeper
from drp.witness.leases import Leases
from drp.witness.machine import build_holder


@dataclass(slots=True)
class HeldLease:
    """``is_abandoned``: something may still be under way, so only the lease's own term may end it."""

    keeper: LeaseKeeper
    is_abandoned: bool = False

    @property
    def number(self) -> int:
        """The number held now."""
        return self.keeper.lease.number

    def may_continue(self) -> bool:
        return self.keeper.may_continue()

    def confirm(self) -> None:
        """Renew now. Raises LeaseHeldError when it is lost, else what the store raises."""
        self.keeper.confirm()


@contextmanager
def hold_lease(desk: Desk, workshop: Workshop, tenant: str, *, run: str, verb: str) -> Iterator[HeldLease]:
    """The lease of the tenant for this run; given back on the way out unless it was abandoned or lost.

    Raises LeaseHeldError naming who has it, with who serves the tenant meanwhile.
    """
    leases = Leases(workshop.witness, desk.clock, is_alive=workshop.is_alive)
    holder = build_holder(desk.operator, run, verb, started=render_utc(desk.clock.now()))
    _announce_wait(desk, workshop, leases, tenant)
    try:
        lease = leases.acquire(tenant, holder)
    except LeaseHeldError as error:
        served = find_served(workshop.ports, workshop.inventory.tenants[tenant])
        raise _explain(leases, error, served) from error
    keeper = LeaseKeeper(leases, lease, desk.clock)
    keeper.start()
    held = HeldLease(keeper)
    try:
        yield held
    except DrpError:
        raise
    except BaseException:
        # Nobody knows what was under way.
        held.is_abandoned = True
        raise
    finally:
        _give_back(desk, held)


def _announce_wait(desk: Desk, workshop: Workshop, leases: Leases, tenant: str) -> None:
    found = leases.find(tenant)
    if found is None or found.is_ended or workshop.is_alive(found.lease.holder) is False:
        return
    holder = found.lease.holder
    text = f"{holder.run} of {holder.owner} has '{tenant}': looking up to {holder.term_s:.0f} s if it lives"
    desk.emit(WarningEvent(code="lease", text=text))


def _give_back(desk: Desk, held: HeldLease) -> None:
    try:
        held.keeper.stop(release=not held.is_abandoned)
    except ProviderError as error:
        # It expires by itself; the next run waits for that.
        desk.emit(WarningEvent(code="lease", text=f"{error.message}; the lease ends by itself"))


def _explain(leases: Leases, error: LeaseHeldError, served: Served) -> LeaseHeldError:
    tenant = served.tenant
    found = leases.find(tenant)
    if found is None:
        return error
    holder = found.lease.holder
    tail = tail_of(holder.run)
    return LeaseHeldError(
        f"cannot take '{tenant}': run '{holder.run}' ({holder.verb}) of {holder.owner} "
        f"works on it since {holder.started}",
        state=f"{tenant}: {served.site} serves; this command changed nothing",
        hint=f"See `drp status {tail}`; should that process have died, `drp resume {tail}`.",
        page="A5",
    )
