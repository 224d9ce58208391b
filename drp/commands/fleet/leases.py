"""The leases of all tenants of one run, and of the run itself: taken at once, kept together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from drp.commands.desk import Desk, Workshop
from drp.commands.lease import HeldLease, hold_lease, open_leases
from drp.errors import LeaseHeldError
from drp.witness.leases import CancelRequest, Leases, LeaseState

_AT_ONCE = 16


@dataclass(slots=True)
class HeldLeases:
    """``run`` is the run's own lease, ``refused`` maps tenants that another run has to its words."""

    run: HeldLease
    tenants: dict[str, HeldLease] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    @property
    def is_abandoned(self) -> bool:
        return self.run.is_abandoned

    @is_abandoned.setter
    def is_abandoned(self, value: bool) -> None:
        for held in self._all():
            held.is_abandoned = value

    @property
    def number(self) -> int:
        """That of the run's lease."""
        return self.run.number

    def may_continue(self) -> bool:
        return all(held.may_continue() for held in self._all())

    def regain(self) -> bool:
        """The run's own first: while the witness does not answer for that, the others are not asked for."""
        if not self.run.regain():
            return False
        late = [held for held in self.tenants.values() if not held.may_continue()]
        return not self.run.may_continue() or all(held.regain() for held in late)

    def confirm(self) -> None:
        """Renew the run's lease now; the tenants' renew by themselves. Raises as ``HeldLease.confirm``."""
        self.run.confirm()

    def listen(self, on_cancel: Callable[[CancelRequest], None]) -> None:
        """Have this called, from another thread, when somebody asks the run to stop."""
        self.run.listen(on_cancel)

    def _all(self) -> Iterator[HeldLease]:
        yield self.run
        yield from self.tenants.values()


@contextmanager
def hold_leases(
    desk: Desk, workshop: Workshop, tenants: Sequence[str], *, run: str, verb: str, suffix: str = ""
) -> Iterator[HeldLeases]:
    """A tenant that another run has is left out, with the reason; the others are held. ``suffix``: of the
    leases' names, where they are not those by which a tenant is moved.

    A holder who gives no sign of life for its whole term is taken to be dead.
    Raises LeaseHeldError when the run itself goes on elsewhere.
    """
    with ExitStack() as stack:
        leases = open_leases(desk, workshop)

        def hold(name: str) -> HeldLease:
            expired = await_expiry(leases, name)
            return stack.enter_context(hold_lease(desk, workshop, name, run=run, verb=verb, expired=expired))

        def take(tenant: str) -> tuple[str, HeldLease | str]:
            try:
                return tenant, hold(f"{tenant}{suffix}")
            except LeaseHeldError as error:
                return tenant, error.message

        held = HeldLeases(hold(f"run-{run}"))

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = dict(pool.map(take, tenants))
        held.tenants = {name: lease for name, lease in found.items() if isinstance(lease, HeldLease)}
        held.refused = {name: words for name, words in found.items() if isinstance(words, str)}
        yield held


def await_expiry(leases: Leases, name: str) -> LeaseState | None:
    """The lease as it expired; None when it is free. Raises LeaseHeldError when its holder lives."""
    state = leases.find(name)
    if state is None or leases.is_free(state):
        return None
    leases.watch(state)
    return state
