"""Take up a run over many again: all that is left of it, or some tenants that were set aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from drp.actions.orders import MOVES
from drp.commands.desk import Desk, Workshop
from drp.commands.drill.turn import LEASE_SUFFIX, DrillTurn
from drp.commands.drill.turn import VERB as DRILL
from drp.commands.fleet.execution import FleetTurn, FleetWork
from drp.commands.fleet.leases import hold_leases
from drp.commands.fleet.moving import MovesTurn, tenants_to_hold
from drp.commands.fleet.results import FleetReport
from drp.commands.fleet.verdicts import find_gaps
from drp.commands.journals import Memory, recall
from drp.commands.recover import find_entry, find_open
from drp.commands.restoring import restore_here
from drp.commands.runs import StateFolder
from drp.engine.fold import RunState, fold
from drp.errors import RefusedError
from drp.model.values import Json, render_list
from drp.witness.runs import ALL, RunBegin, RunReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How runs of a verb are taken up: who takes the turn, under which leases."""

    turn: type[FleetTurn] = FleetTurn
    lease_suffix: str = ""


KINDS: Final[Mapping[str, Kind]] = {
    DRILL: Kind(turn=DrillTurn, lease_suffix=LEASE_SUFFIX),
    **dict.fromkeys(MOVES, Kind(turn=MovesTurn)),
}
"""Verbs that have a kind of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFleetRun:
    """An open run over many, with everything that is known of it."""

    begin: RunBegin
    memory: Memory
    state: RunState


def retry(desk: Desk, workshop: Workshop, word: str, *, tenants: Sequence[str], failed: bool) -> FleetReport:
    """Finish for those that were set aside, or for some of them. Raises as ``resume``."""
    found = find_fleet_run(desk, workshop, word, verb="retry")
    aside = find_aside(found)
    gaps = {gap.part for gap in find_gaps(found.state.plan.inputs, found.state.failures)}
    strangers = [name for name in tenants if name not in aside]
    if strangers or not (tenants or failed):
        reason = f"{strangers[0]} was not set aside" if strangers else "say who"
        raise RefusedError(
            f"cannot retry '{found.begin.run}': {reason}",
            state="nothing was touched",
            hint=f"Set aside: {render_list(aside) or 'nobody'}. Say `drp retry {word} --failed`.",
        )
    return take_up(desk, workshop, found, only=frozenset(tenants or {*aside, *gaps}))


def resume(desk: Desk, workshop: Workshop, word: str) -> FleetReport:
    """Go on with all that is left.

    Raises RefusedError, LeaseHeldError, JournalError, and the witness's errors.
    """
    return take_up(desk, workshop, find_fleet_run(desk, workshop, word, verb="resume"), only=None)


def is_fleet_run(workshop: Workshop, word: str) -> bool:
    """Whether the word names a run over many; "": whether that is the only open one."""
    reader = RunReader(workshop.witness)
    if word in workshop.inventory.tenants:
        return False
    if not word:
        return [entry.begin.scope for entry in find_open(reader, "")] == [ALL]
    entry = reader.find(word)
    return entry is not None and entry.begin.scope == ALL


def find_fleet_run(desk: Desk, workshop: Workshop, word: str, *, verb: str) -> FoundFleetRun:
    entry = find_entry(workshop, word, verb=verb)
    run = entry.begin.run
    if entry.end is not None:
        raise RefusedError(
            f"cannot {verb} '{run}': it ended as {entry.end.status} at {entry.end.ended}",
            hint="See who serves with `drp status`.",
        )
    memory = recall(StateFolder(desk.state).journal(run), workshop.witness, run)
    if not memory.records:
        raise RefusedError(
            f"cannot {verb} '{run}': it had not begun, nothing of it was recorded",
            hint="See who serves with `drp status`, then give the order again.",
        )
    return FoundFleetRun(begin=entry.begin, memory=memory, state=fold(memory.records))


def find_aside(found: FoundFleetRun) -> list[str]:
    """Tenants of the run of which a step failed."""
    return [name for name in _texts(found.begin.details.get("tenants")) if name in found.state.failures]


def take_up(
    desk: Desk, workshop: Workshop, found: FoundFleetRun, *, only: frozenset[str] | None
) -> FleetReport:
    folder, run = StateFolder(desk.state), found.begin.run
    folder.ensure()
    details = found.begin.details
    tenants = _texts(details.get("tenants"))
    kind = KINDS.get(found.begin.verb, Kind())
    leased = tenants_to_hold(found.begin.verb, tenants)
    with hold_leases(
        desk, workshop, leased, run=run, verb=found.begin.verb, suffix=kind.lease_suffix
    ) as held:
        if held.refused:
            name, words = next(iter(held.refused.items()))
            raise RefusedError(f"cannot go on with '{run}': {words}", hint=f"See `drp status {name}`.")
        restore_here(desk, workshop, found.state, found.memory, number=held.number)
        skipped = details.get("skipped")
        work = FleetWork(
            plan=found.state.plan,
            verb=found.begin.verb,
            source=str(details.get("from", "")),
            target=str(details.get("to", "")),
            expected=str(details.get("expected", "")),
            tenants=tuple(tenants),
            skipped={k: str(v) for k, v in skipped.items()} if isinstance(skipped, dict) else {},
            facts=found.state.plan.inputs,
            # what was lost, and for how long, counts from the first turn
            began=datetime.fromisoformat(found.begin.began),
        )
        return kind.turn(desk, workshop, held, work=work, only=only).run()


def _texts(value: Json) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []
