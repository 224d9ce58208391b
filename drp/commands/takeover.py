"""Go on with the run of a machine that is gone.

``resume`` takes up a run that nobody holds. ``takeover`` is for one that still seems held: it watches its
lease for a whole term by its own clock, and takes it only when there was no sign of life.
"""

from __future__ import annotations

from drp.commands.desk import Desk, Workshop
from drp.commands.events import WarningEvent
from drp.commands.lease import explain, open_leases
from drp.commands.recover import describe, find_entry, find_run, go_on
from drp.commands.results import RunReport, Takeover
from drp.errors import LeaseHeldError, RefusedError
from drp.witness.leases import Leases, LeaseState
from drp.witness.runs import RunBegin


def inspect_takeover(desk: Desk, workshop: Workshop, word: str, *, back: bool) -> Takeover:
    """Wait as ``take_over`` does, and say what it would find. Nothing is touched. Raises as it does."""
    await_expiry(desk, workshop, _find_begin(workshop, word))
    return describe(workshop, find_run(desk, workshop, word, back=back), back=back)


def take_over(desk: Desk, workshop: Workshop, word: str, *, back: bool) -> RunReport:
    """Wait until its lease has expired, then go on with the run, or take it back.

    Raises LeaseHeldError when its holder lives, RefusedError when another run has the tenant; and as
    ``recover``.
    """
    expired = await_expiry(desk, workshop, _find_begin(workshop, word))
    found = find_run(desk, workshop, word, back=back)
    return go_on(desk, workshop, found, back=back, expired=expired)


def _find_begin(workshop: Workshop, word: str) -> RunBegin:
    return find_entry(workshop, word, verb="take over").begin


def await_expiry(desk: Desk, workshop: Workshop, begin: RunBegin) -> LeaseState | None:
    """The run's lease as it expired, watched for a whole term; None when it is free.

    Raises LeaseHeldError when its holder lives, RefusedError when another run has the tenant.
    """
    leases = open_leases(desk, workshop)
    state = leases.find(begin.lease)
    if state is None or leases.is_free(state):
        return None
    other = state.lease.holder
    if other.run != begin.run:
        raise RefusedError(
            f"cannot take over '{begin.run}': run '{other.run}' of {other.owner} works on {begin.scope} now",
            hint=f"See `drp status {other.run}`.",
        )
    _announce(desk, leases, state)
    try:
        leases.watch(state)
    except LeaseHeldError as error:
        raise explain(workshop, leases, error, begin.lease) from error
    return state


def _announce(desk: Desk, leases: Leases, state: LeaseState) -> None:
    holder = state.lease.holder
    text = (
        f"{holder.run} is held by {holder.owner} since {holder.started}, last sign of life "
        f"{leases.last_sign(state)}: watching {holder.term_s:.0f} s if it lives"
    )
    desk.emit(WarningEvent(code="lease", text=text))
