"""Remove bubbles, whatever their runs say: what is there is found by labels on the hosts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from drp.actions.action import Call, ReadPorts, WritePorts
from drp.actions.bubbles import Bubble, burst, find_bubbles, find_remains
from drp.commands.desk import Desk, Workshop
from drp.commands.events import WarningEvent
from drp.errors import DrpError
from drp.model.names import Instance
from drp.model.values import JsonMap, render_list

_DEADLINE = timedelta(seconds=60)
"""For one change."""


def sweep(desk: Desk, workshop: Workshop) -> str:
    """Remove every bubble older than the policy's limit; what was removed, in words, "" for nothing.

    Each is removed piece by piece, so a sweep that is cut short leaves the rest to the next. A host that does
    not answer is passed over. A bubble that cannot be removed is told as a warning.
    """
    limit = workshop.inventory.policies.drill.limit
    now = desk.clock.now()
    old = [
        bubble
        for bubble in list_bubbles(workshop.ports)
        # who does not say how old it is has not been made by drp as it is now
        if bubble.began is None or now - bubble.began > limit
    ]
    left = _burst(desk, workshop.ports, old)
    gone = sorted({bubble.instance for bubble in old} - {*left})
    return f"removed old drills: {render_list(gone)}" if gone else ""


def burst_all(desk: Desk, workshop: Workshop, *, run: str = "", site: str = "") -> list[str]:
    """Remove all bubbles (of a run, at a site), whatever their age; instances that could not be removed."""
    return _burst(desk, workshop.ports, [*list_bubbles(workshop.ports, run=run, site=site)])


def list_bubbles(ports: ReadPorts | WritePorts, *, run: str = "", site: str = "") -> list[Bubble]:
    """On all hosts that answer."""
    return [
        bubble
        for host in ports.inventory.hosts()
        if site in ("", host.site)
        for bubble in _look(ports, host.name)
        if not run or bubble.is_of(run)
    ]


def _look(ports: ReadPorts | WritePorts, host: str) -> Iterator[Bubble]:
    try:
        yield from find_bubbles(host, ports.host(host))
    except DrpError:
        # a host that does not answer tells nothing, and can be told nothing
        return


def _burst(desk: Desk, ports: WritePorts, bubbles: list[Bubble]) -> list[str]:
    left = []
    for bubble in bubbles:
        try:
            burst(ports, bubble, call=_call(desk))
            remains = find_remains(ports.host(bubble.host), Instance.parse(bubble.instance)).names()
        except DrpError as error:
            desk.emit(WarningEvent(code="bubble", text=error.message))
            left.append(bubble.instance)
            continue
        left += [bubble.instance] if remains else []
    return left


def _call(desk: Desk) -> Call:
    return Call(
        run="sweep",
        step="sweep",
        actor=desk.operator,
        attempt=1,
        inputs={},
        deadline_s=_DEADLINE.total_seconds(),
        progress=_ignore,
    )


def _ignore(_: JsonMap) -> None:
    """Removing makes no progress worth telling."""
