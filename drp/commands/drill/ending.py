"""A failover needs the room: drills end first, and do not go on."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from drp.commands.desk import Desk, Workshop
from drp.commands.drill.sweep import burst_all
from drp.commands.drill.turn import VERB
from drp.commands.events import WarningEvent, render_utc
from drp.commands.fleet.superseding import SUPERSEDED
from drp.commands.lease import open_leases
from drp.errors import DrpError
from drp.model.values import render_list
from drp.witness.leases import Leases
from drp.witness.runs import RunBegin, RunEnd, RunReader, Runs

WITHIN: Final = timedelta(seconds=20)
"""A drill has ended after that: longer than the term of a lease, without which its process begins nothing."""
_PAUSE: Final = timedelta(milliseconds=500)


def end_drills(desk: Desk, workshop: Workshop, *, site: str, by: str) -> None:
    """All open drills are asked to stop, and the bubbles at the site are removed, at most ``WITHIN`` later.

    Bubbles are removed at once, which ends the jobs in them; and once more when their runs have let go, for a
    step in flight may have made something meanwhile. ``by``: the run that needs the room. Raises what the
    witness raises; a host that does not answer has no room to give.
    """
    begins = [e.begin for e in RunReader(workshop.witness).iter_open() if e.begin.verb == VERB]
    leases = open_leases(desk, workshop)
    for begin in begins:
        _ask(desk, leases, begin)
    left = burst_all(desk, workshop, site=site)
    if begins:
        _await(desk, leases, begins)
        left = burst_all(desk, workshop, site=site)
    for begin in begins:
        _end(desk, workshop, begin, by=by)
    if begins or left:
        runs = render_list([begin.run for begin in begins]) or "drills"
        rest = f"; not removed: {render_list(left)}" if left else ""
        text = f"{runs} ended: this run needs the room{rest}"
        desk.emit(WarningEvent(code="superseded", text=text))


def _ask(desk: Desk, leases: Leases, begin: RunBegin) -> None:
    state = leases.find(begin.lease)
    if state is not None and not leases.is_free(state):
        leases.ask_cancel(state.lease, desk.operator)


def _await(desk: Desk, leases: Leases, begins: list[RunBegin]) -> None:
    until = desk.clock.monotonic() + WITHIN.total_seconds()
    waiting = [*begins]
    while waiting and desk.clock.monotonic() < until:
        states = [(begin, leases.find(begin.lease)) for begin in waiting]
        waiting = [begin for begin, state in states if state is not None and not leases.is_free(state)]
        if waiting:
            desk.clock.wait(_PAUSE)


def _end(desk: Desk, workshop: Workshop, begin: RunBegin, *, by: str) -> None:
    """It may have written its own end meanwhile: that one stands."""
    entry = RunReader(workshop.witness).find(begin.run)
    if entry is None or entry.end is not None:
        return
    end = RunEnd(
        run=begin.run,
        scope=begin.scope,
        status=SUPERSEDED,
        exit_code=6,
        ended=render_utc(desk.clock.now()),
        details={"by": by},
    )
    try:
        Runs(workshop.witness).end(end)
    except DrpError as error:
        desk.emit(WarningEvent(code="runs", text=error.message))
