"""One run at a time works on a tenant: take its lease in the witness, keep it, give it back.

A lease that nobody gave back is either that of a living run, or of one whose machine died. Only ``takeover``
waits to find that out and then takes it, because there is a run to be taken over with it. The others take
only what is free: given back, left by a process that died on this machine, or by a run that is not open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from drp.commands.desk import Desk, Workshop
from drp.commands.events import WarningEvent, render_utc
from drp.commands.results import Verdict
from drp.commands.runs import tail_of
from drp.commands.serving import find_served
from drp.errors import DrpError, LeaseHeldError, ProviderError
from drp.witness.keeper import LeaseKeeper
from drp.witness.leases import CancelRequest, Holder, Lease, Leases, LeaseState
from drp.witness.machine import build_holder
from drp.witness.runs import RunReader

SETUP: Final = "setup-of-edges"
"""Name of the lease under which edges are set up."""

_SETS_UP: Final = frozenset({"edge.configure", "guard.configure"})


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

    def regain(self) -> bool:
        """Try to renew what was not renewed in time; False when another run has it for good."""
        self.keeper.renew()
        return not self.keeper.is_lost

    def confirm(self) -> None:
        """Renew now. Raises LeaseHeldError when it is lost, else what the store raises."""
        self.keeper.confirm()

    def listen(self, on_cancel: Callable[[CancelRequest], None]) -> None:
        """Have this called, from another thread, when somebody asks the run to stop."""
        self.keeper.listen(on_cancel)


def open_leases(desk: Desk, workshop: Workshop) -> Leases:
    """The leases in the witness, by this process's clock."""
    return Leases(workshop.witness, desk.clock, is_alive=workshop.is_alive)


@contextmanager
def hold_lease(
    desk: Desk, workshop: Workshop, tenant: str, *, run: str, verb: str, expired: LeaseState | None = None
) -> Iterator[HeldLease]:
    """The lease of the tenant for this run; given back on the way out unless it was abandoned or lost.

    ``expired``: the lease as this process saw it expire, to be taken over.
    Raises LeaseHeldError naming who has it, with who serves the tenant meanwhile.
    """
    leases = open_leases(desk, workshop)
    started = render_utc(desk.clock.now())
    holder = build_holder(desk.operator, run, verb, started=started, term=workshop.term)
    try:
        lease = _take(desk, workshop, leases, tenant, holder, expired)
    except LeaseHeldError as error:
        raise explain(workshop, leases, error, tenant) from error
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


@contextmanager
def hold_setup(desk: Desk, workshop: Workshop, verdicts: Sequence[Verdict], *, run: str) -> Iterator[None]:
    """When edges are still to be set up, which all tenants share: the one lease for that, as well.

    Two first runs on tenants of the same site would both make them, and each take the other's back.
    A run that died at it keeps the others away until it has ended. Raises LeaseHeldError.
    """
    if all(verdict.word == "already" for verdict in verdicts if verdict.step.action in _SETS_UP):
        yield
        return
    with hold_lease(desk, workshop, SETUP, run=run, verb=run.partition("-")[0]):
        yield


def explain(workshop: Workshop, leases: Leases, error: LeaseHeldError, tenant: str) -> LeaseHeldError:
    """The same in terms of runs: who, since when, at what, and which ways there are."""
    found = leases.find(tenant)
    if found is None:
        return error
    holder = found.lease.holder
    tail = tail_of(holder.run)
    known = workshop.inventory.tenants.get(tenant)
    serves = f"{tenant}: {find_served(workshop.ports, known).site} serves; " if known else ""
    return LeaseHeldError(
        f"cannot take '{tenant}': run '{holder.run}' ({holder.verb}) of {holder.owner} "
        f"works on it since {holder.started}",
        state=f"{serves}this command changed nothing",
        hint=f"See `drp status {tail}`, stop it with `drp cancel {tail}`; should its machine have died, "
        f"`drp takeover {tail}`.",
        page="A5",
    )


def _take(
    desk: Desk,
    workshop: Workshop,
    leases: Leases,
    tenant: str,
    holder: Holder,
    expired: LeaseState | None,
) -> Lease:
    runs = RunReader(workshop.witness)

    def is_open(other: Holder) -> bool:
        entry = runs.find(other.run)
        return entry is not None and entry.end is None

    if expired is not None:
        return leases.follow(expired, holder)
    _announce_wait(desk, leases, tenant)
    return leases.acquire(tenant, holder, is_at_work=is_open)


def _announce_wait(desk: Desk, leases: Leases, tenant: str) -> None:
    found = leases.find(tenant)
    if found is None or leases.is_free(found):
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
