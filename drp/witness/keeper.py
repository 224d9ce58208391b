"""The holder's side of a lease: beats while the run goes on, and the answer to "may I still change things?".

The holder may continue for two thirds of the term after the *start* of its last successful beat, by its own
monotonic clock. An observer waits the whole term after it *saw* that beat, so the holder has stopped
before anybody can take over; the third between is for clocks that do not run equally fast and for a change
that is already under way. A holder that was late never just goes on: it takes the next number itself, which
only one can, or has lost the lease for good.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from drp.errors import LeaseHeldError, ProviderError, UnreachableError
from drp.ports.clock import Clock
from drp.witness.leases import CancelRequest, Lease, Leases

_SHARE: Final = 2 / 3
_BEATS_PER_TERM: Final = 5
_KEPT: Final = 3
"""Beats that stay, so that an observer's list never races with the cleaning of all of them."""


class LeaseKeeper:
    """Renews one lease from a thread of its own; all methods may be called from any thread."""

    def __init__(self, leases: Leases, lease: Lease, clock: Clock) -> None:
        """``lease`` was acquired by this process a moment ago; call ``start`` at once."""
        self._leases = leases
        self._lease = lease
        self._clock = clock
        self._term = lease.holder.term_s
        self._beat = 0
        self._renewed = lease.taken_at
        self._lost: LeaseHeldError | None = None
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._on_cancel: Callable[[CancelRequest], None] | None = None
        self._thread = threading.Thread(target=self._loop, name=f"lease-{lease.name}", daemon=True)

    def listen(self, on_cancel: Callable[[CancelRequest], None]) -> None:
        """Have this called once, from the thread, when somebody asks the holder to stop."""
        self._on_cancel = on_cancel

    @property
    def lease(self) -> Lease:
        """The number held now; it rises when the holder was late and came back in time."""
        return self._lease

    def start(self) -> None:
        """Put the first beat, then go on from the thread. Raises as ``confirm``."""
        self.confirm()
        self._thread.start()

    def stop(self, *, release: bool) -> None:
        """End the thread. ``release`` ends the lease too, so that the next run need not wait for its term."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=self._term)
        if release and self._lost is None:
            self._leases.end(self._lease)

    def may_continue(self) -> bool:
        """False: start no further change. True again after this holder itself has taken the next number."""
        return self._lost is None and not self._is_late()

    @property
    def is_lost(self) -> bool:
        """True: another run has the lease; this one will never have it again."""
        return self._lost is not None

    def confirm(self) -> None:
        """Renew now and ask the witness. Raises LeaseHeldError when lost, else what the store raises.

        For the moments that cannot be taken back: ``may_continue`` trusts the clock, this trusts nothing.
        """
        with self._lock:
            if self._lost is not None:
                raise self._lost
            try:
                self._renew()
            except LeaseHeldError as error:
                self._lost = error
                raise

    def renew(self) -> None:
        """One turn of the thread: like ``confirm``, but a silent witness only makes this holder late."""
        try:
            self.confirm()
        except (ProviderError, LeaseHeldError):
            # Nothing to do: the clock runs against us, and ``may_continue`` tells.
            return

    def _renew(self) -> None:
        if not self._is_late():
            began = self._clock.monotonic()
            self._beat += 1
            self._leases.beat(self._lease, self._beat)
            self._leases.check_newest(self._lease)
            # A beat that landed too late, maybe behind an observer's last look, counts for nothing.
            if not self._is_late():
                self._renewed = began
                self._clean()
                return
        self._take_next()

    def _take_next(self) -> None:
        self._lease = self._leases.succeed(self._lease)
        self._renewed = self._lease.taken_at
        if self._is_late():
            raise UnreachableError(
                f"cannot renew lease '{self._lease.name}': the witness answers too slowly", page="B18"
            )

    def _clean(self) -> None:
        if self._beat > _KEPT:
            try:
                self._leases.remove_beat(self._lease, self._beat - _KEPT)
            except ProviderError:
                # An old beat more does no harm.
                return

    def _is_late(self) -> bool:
        return self._clock.monotonic() - self._renewed > self._term * _SHARE

    def _loop(self) -> None:
        while not self._stopping.wait(self._term / _BEATS_PER_TERM):
            self.renew()
            self._hear()

    def _hear(self) -> None:
        """Asked after the beat, so that no answer keeps it waiting."""
        if self._on_cancel is None:
            return
        try:
            request = self._leases.find_cancel(self._lease)
        except ProviderError:
            # Asked again after the next beat.
            return
        if request is not None:
            tell, self._on_cancel = self._on_cancel, None
            tell(request)
