"""Ask a run that goes on anywhere to stop, and wait until it has come to its next safe point.

The request lies beside the lease of the process that works on the run; that one sees it with its next beat.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from drp.commands.assignment import text_of
from drp.commands.desk import Desk, Workshop
from drp.commands.endings import DONE, UNKNOWN
from drp.commands.events import WorldEvent
from drp.commands.journals import read_copy
from drp.commands.lease import open_leases
from drp.commands.narration import Narrator
from drp.commands.recover import find_entry
from drp.commands.results import Cancellation, Served
from drp.commands.runs import tail_of
from drp.commands.serving import find_served
from drp.engine.fold import RunState, fold
from drp.engine.journal import Record
from drp.engine.telling import Teller
from drp.errors import RefusedError
from drp.model.values import render_list
from drp.witness.leases import Lease, Leases, LeaseState
from drp.witness.runs import ALL, RunBegin

_PAUSE: Final = timedelta(seconds=1)


def inspect_cancel(desk: Desk, workshop: Workshop, word: str) -> Cancellation:
    """Who would be asked, and who serves now. Nothing is touched. Raises RefusedError as ``ask_cancel``."""
    begin = _find_open(workshop, word)
    state = _require_holder(open_leases(desk, workshop), begin)
    return Cancellation(
        run=begin.run,
        owner=state.lease.holder.owner,
        status="would be asked to stop",
        served=_look(workshop, begin, None),
    )


def ask_cancel(desk: Desk, workshop: Workshop, word: str) -> Cancellation:
    """Returns when the run has stopped, telling its steps meanwhile; proven by looking who serves.

    Raises RefusedError when nobody works on the run, its process ended or fell silent meanwhile, or the run
    came to another end before; and the witness's errors.
    """
    begin = _find_open(workshop, word)
    leases = open_leases(desk, workshop)
    state = _require_holder(leases, begin)
    follower = _Follower(desk, workshop, begin)
    for held in _watch(desk, leases, state):
        leases.ask_cancel(held, desk.operator)
        follower.tell_news()
    follower.tell_news()
    return _conclude(workshop, begin, state, follower.state)


def _find_open(workshop: Workshop, word: str) -> RunBegin:
    entry = find_entry(workshop, word, verb="cancel")
    if entry.end is not None:
        raise RefusedError(
            f"cannot cancel '{entry.begin.run}': it ended as {entry.end.status} at {entry.end.ended}",
            hint=f"See who serves with `drp status {entry.begin.scope}`.",
        )
    return entry.begin


def _require_holder(leases: Leases, begin: RunBegin) -> LeaseState:
    state = leases.find(begin.lease)
    if state is None or state.lease.holder.run != begin.run or leases.is_free(state):
        tail = tail_of(begin.run)
        raise RefusedError(
            f"cannot cancel '{begin.run}': nobody works on it",
            state="it stands where it was left",
            hint=f"Go on with `drp resume {tail}`, or take it back with `drp rollback {tail}`.",
        )
    return state


def _watch(desk: Desk, leases: Leases, first: LeaseState) -> Iterator[Lease]:
    """The lease that the run has, again and again until it is given back. Raises RefusedError."""
    holder, state = first.lease.holder, first
    began = desk.clock.monotonic()
    while not state.is_ended and state.lease.holder.run == holder.run:
        yield state.lease
        desk.clock.wait(min(_PAUSE, timedelta(seconds=holder.term_s / 5)))
        now = leases.find(first.lease.name) or state
        if (now.lease.number, now.beat) != (state.lease.number, state.beat):
            began = desk.clock.monotonic()
        if not now.is_ended and (leases.is_free(now) or desk.clock.monotonic() - began > holder.term_s):
            tail = tail_of(holder.run)
            raise RefusedError(
                f"cannot cancel '{holder.run}': the process of {holder.owner} gives no sign of life",
                state="it was asked to stop; nobody knows what it still does",
                hint=f"Take over from it with `drp takeover {tail}`.",
            )
        state = now


def _conclude(workshop: Workshop, begin: RunBegin, first: LeaseState, state: RunState | None) -> Cancellation:
    served = _look(workshop, begin, state)
    outcome = state.ended if state is not None else None
    if outcome is not None and outcome != "cancelled":
        serves = render_list([f"{each.site} serves {each.tenant}" for each in served])
        raise RefusedError(
            f"cannot cancel '{begin.run}': it came to its end before, {outcome}",
            state=serves or "nobody was asked about",
            hint=f"See `drp status {tail_of(begin.run)}`.",
        )
    return Cancellation(
        run=begin.run,
        owner=first.lease.holder.owner,
        status="cancelled" if outcome else "unknown",
        served=served,
        can_go_back=state is not None and not state.past_final,
        ending=DONE if outcome and all(each.is_proven for each in served) else UNKNOWN,
    )


def _look(workshop: Workshop, begin: RunBegin, state: RunState | None) -> tuple[Served, ...]:
    """Who serves each tenant of the run."""
    scopes = state.plan.scopes() if begin.scope == ALL and state is not None else (begin.scope,)
    known = workshop.inventory.tenants
    return tuple(find_served(workshop.ports, known[name]) for name in scopes if name in known)


@dataclass(slots=True)
class _Follower:
    """Tells what a run on another machine does, from the copy of its journal."""

    desk: Desk
    workshop: Workshop
    begin: RunBegin
    state: RunState | None = None
    told: int = 0

    def tell_news(self) -> None:
        records = read_copy(self.workshop.witness, self.begin.run)
        if not records:
            return
        self.state = fold(records)
        if self.told:
            self._tell(records)
        self.told = len(records)

    def _tell(self, records: list[Record]) -> None:
        narrator = self._narrator(records)
        teller = Teller(fold(records[: self.told]))
        for record in records[self.told :]:
            for event in teller.tell(record):
                narrator(event)

    def _narrator(self, records: list[Record]) -> Narrator:
        begin, state = self.begin, fold(records)
        before = WorldEvent(
            tenant=begin.scope,
            serves=text_of(begin.details.get("serves")) or UNKNOWN.word,
            writes=None,
            way_back="none" if state.past_final else "auto",
        )
        return Narrator(
            self.desk.emit,
            state.plan,
            verb=begin.verb,
            source=text_of(begin.details.get("from")),
            target=text_of(begin.details.get("to")),
            before=before,
        )
