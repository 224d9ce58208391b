"""Leases: one run at a time works on a tenant.

A lease is taken by putting the next number once. The holder shows that it lives by *beats*, each a new
object. Whoever finds a lease held watches it: if this observer's own monotonic clock sees no new beat for
the whole term, the lease has expired and the observer takes the next number. The holder, by its own
clock, stops earlier (see ``keeper``). Times written into the objects are for people, not for computing.

Why this excludes two holders: the observer's term begins after it saw the last beat, and the holder's
shorter term begins before it put that beat. And of two observers that both saw the expiry only one can put
the next number.

Lease objects are never deleted, so a slow contender cannot win a number that was used before.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, NoReturn

from drp.errors import LeaseHeldError, NotFoundError, ProviderError
from drp.model.values import render_duration
from drp.ports.clock import Clock
from drp.ports.objects import ObjectReader, ObjectStore
from drp.witness.records import check_name, find_record, put_own, render_record

ROOT: Final = "leases/"
TERM: Final = timedelta(seconds=15)
_LOOKS: Final = 15
"""How often an observer looks during one term."""
_SOONER: Final = 16
"""The first look comes so much sooner: who took the lease a moment ago is about to show it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who holds a lease. ``owner`` is ``user@host``; ``machine`` and ``process_start`` as in ``machine.py``;
    ``started`` RFC 3339, for people; ``term_s`` the term by which this holder renews."""

    owner: str
    machine: str
    pid: int
    process_start: str
    run: str
    verb: str
    started: str
    term_s: float = TERM.total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseEnd:
    """A released lease. ``run`` as in its holder."""

    run: str
    ended: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """A sign of life. ``time`` RFC 3339 by the holder's own clock, for people."""

    time: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRequest:
    """Somebody asks the holder of a lease to stop at its next safe point. ``asked`` RFC 3339."""

    owner: str
    asked: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """One number of a named lease and its holder.

    ``taken_at``: this process's monotonic clock before it took the number (endlessly long ago for a lease
    that was only read): from then on its term runs.
    """

    name: str
    number: int
    holder: Holder
    taken_at: float = field(default=-math.inf, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseState:
    """A lease as found: its newest ``beat`` (0: none yet), and if it was released."""

    lease: Lease
    beat: int
    is_ended: bool


IsAlive = Callable[[Holder], bool | None]
"""True or False when this machine can tell if the holder's process lives; None when it cannot."""


IsAtWork = Callable[[Holder], bool]
"""True when it is known from elsewhere that the holder is at work now."""


def never_seen(_: Holder) -> bool:
    """Nothing is known but the lease."""
    return False


def lease_key(name: str, number: int) -> str:
    """Key prefix of all objects of one lease number, with final slash."""
    return f"{ROOT}{check_name(name)}/{number:06d}/"


def beat_key(name: str, number: int, beat: int) -> str:
    return f"{lease_key(name, number)}beats/{beat:06d}"


def _cancel_key(lease: Lease) -> str:
    return f"{lease_key(lease.name, lease.number)}cancel.json"


class LeaseReader:
    """Reads leases. Errors: those of the store, RejectedError."""

    def __init__(self, store: ObjectReader) -> None:
        self._reader = store

    def names(self) -> tuple[str, ...]:
        """Names of all leases that were ever taken, sorted."""
        return tuple(sorted({key.split("/")[1] for key in self._reader.list(ROOT)}))

    def find(self, name: str) -> LeaseState | None:
        """The highest number of the lease as it is now, or None when it was never taken."""
        keys = self._reader.list(f"{ROOT}{check_name(name)}/")
        taken = [int(key.split("/")[2]) for key in keys if key.endswith("/lease.json")]
        return self._state(name, max(taken), keys) if taken else None

    def require(self, name: str, number: int) -> LeaseState:
        """One number of the lease. Raises NotFoundError."""
        return self._state(name, number, self._reader.list(lease_key(name, number)))

    def last_sign(self, state: LeaseState) -> str:
        """When its holder last showed that it lives, by that holder's own clock."""
        lease = state.lease
        key = beat_key(lease.name, lease.number, state.beat)
        found = find_record(self._reader, Beat, key) if state.beat else None
        return found.time if found else lease.holder.started

    def find_cancel(self, lease: Lease) -> CancelRequest | None:
        """What the holder of this number was asked, or None."""
        return find_record(self._reader, CancelRequest, _cancel_key(lease))

    def is_newest(self, lease: Lease) -> bool:
        """True while nobody has taken the next number."""
        return self._reader.find(f"{lease_key(lease.name, lease.number + 1)}lease.json") is None

    def _state(self, name: str, number: int, keys: list[str]) -> LeaseState:
        prefix = lease_key(name, number)
        holder = find_record(self._reader, Holder, f"{prefix}lease.json")
        if holder is None:
            raise NotFoundError(f"cannot find lease '{name}' number {number}: it was never taken")
        beats = [int(key.rsplit("/", 1)[1]) for key in keys if key.startswith(f"{prefix}beats/")]
        return LeaseState(
            lease=Lease(name=name, number=number, holder=holder),
            beat=max(beats, default=0),
            is_ended=f"{prefix}end.json" in keys,
        )


class Leases(LeaseReader):
    """Takes, renews and ends leases; ``is_alive`` spares the wait for a process that died on this machine."""

    def __init__(self, store: ObjectStore, clock: Clock, *, is_alive: IsAlive) -> None:
        super().__init__(store)
        self._store = store
        self._clock = clock
        self._is_alive = is_alive

    def acquire(self, name: str, holder: Holder, *, is_at_work: IsAtWork = never_seen) -> Lease:
        """Take the lease, waiting up to one term of the present holder to see if that one still lives.

        Raises LeaseHeldError naming the present holder at its first sign of life, or the winner when another
        contender was quicker.
        """
        state = self.find(name)
        if state is None:
            return self._take(name, 1, holder)
        if not self.is_free(state):
            self.watch(state, is_at_work=is_at_work)
        return self.follow(state, holder)

    def follow(self, state: LeaseState, holder: Holder) -> Lease:
        """Take the number after one that is free, or was seen to expire; both as they were seen.

        Raises LeaseHeldError when its holder has given a sign of life since, or another one was quicker.
        """
        now = self.find(state.lease.name)
        if now is not None and now.lease.number == state.lease.number and now.beat > state.beat:
            self._refuse(now.lease, ", renewed just now")
        lease = self._take(state.lease.name, state.lease.number + 1, holder)
        self._clear_beats(state)
        return lease

    def ask_cancel(self, lease: Lease, owner: str) -> None:
        """Ask its holder to stop at the next safe point; repeating it is no error."""
        request = CancelRequest(owner=owner, asked=self._clock.now().isoformat())
        put_own(self._store, _cancel_key(lease), render_record(request))

    def succeed(self, lease: Lease) -> Lease:
        """Take the next number for the same holder, who was late; raises LeaseHeldError naming the winner."""
        return self._take(lease.name, lease.number + 1, lease.holder)

    def beat(self, lease: Lease, beat: int) -> None:
        """Put one beat; ``beat`` must be higher than the ones before. Raises what the store raises."""
        record = Beat(time=self._clock.now().isoformat())
        put_own(self._store, beat_key(lease.name, lease.number, beat), render_record(record))

    def remove_beat(self, lease: Lease, beat: int) -> None:
        self._store.delete(beat_key(lease.name, lease.number, beat))

    def end(self, lease: Lease) -> None:
        """Release the lease; repeating it is no error."""
        record = LeaseEnd(run=lease.holder.run, ended=self._clock.now().isoformat())
        put_own(self._store, f"{lease_key(lease.name, lease.number)}end.json", render_record(record))

    def check_newest(self, lease: Lease) -> None:
        """Raises LeaseHeldError, naming the successor, when the next number is taken."""
        if not self.is_newest(lease):
            self._refuse(self.require(lease.name, lease.number + 1).lease, "")

    def is_free(self, state: LeaseState) -> bool:
        """True when it was given back, or its process died on this machine."""
        return state.is_ended or self._is_alive(state.lease.holder) is False

    def watch(self, first: LeaseState, *, is_at_work: IsAtWork = never_seen) -> None:
        """Return when the lease has expired or its process has died; raise at the first sign of life.

        A sign is a beat, giving the lease back, or what ``is_at_work`` knows. By this observer's own clock.
        """
        lease = first.lease
        term = lease.holder.term_s
        pause = timedelta(seconds=term / _LOOKS / _SOONER)
        began = self._clock.monotonic()
        while True:
            if is_at_work(lease.holder):
                self._refuse(lease, "")
            self._clock.wait(pause)
            # The time is taken before the look: a beat that the look misses was put after this moment.
            waited = self._clock.monotonic() - began
            now = self.require(lease.name, lease.number)
            if now.is_ended:
                self._refuse(lease, " and gave it back just now")
            if self.is_free(now):
                return
            if now.beat > first.beat:
                self._refuse(lease, f", renewed less than {render_duration(pause)} ago")
            self.check_newest(lease)
            if waited >= term:
                return
            # A millisecond more than is left: what is left may be too short for a clock.
            left = term - waited + 0.001
            pause = timedelta(seconds=min(2 * pause.total_seconds(), term / _LOOKS, left))

    def _take(self, name: str, number: int, holder: Holder) -> Lease:
        lease = Lease(name=name, number=number, holder=holder, taken_at=self._clock.monotonic())
        if not put_own(self._store, f"{lease_key(name, number)}lease.json", render_record(holder)):
            self._refuse(self.require(name, number).lease, "")
        return lease

    def _clear_beats(self, state: LeaseState) -> None:
        prefix = f"{lease_key(state.lease.name, state.lease.number)}beats/"
        try:
            for key in self._store.list(prefix):
                self._store.delete(key)
        except ProviderError:
            # Left-over beats of a number that is past do no harm.
            return

    @staticmethod
    def _refuse(lease: Lease, renewed: str) -> NoReturn:
        holder = lease.holder
        raise LeaseHeldError(
            f"cannot take lease '{lease.name}': run '{holder.run}' ({holder.verb}) of {holder.owner} "
            f"holds it since {holder.started}{renewed}",
            hint=f"Look at it with `drp status {holder.run}`; if {holder.owner} died, "
            f"`drp takeover {holder.run}`.",
            page="A5",
        )
