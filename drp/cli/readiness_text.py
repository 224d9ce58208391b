"""Readiness in words: the verdict first, then what it rests on, then each cause with its command."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import tzinfo
from typing import Final

from drp.cli.words import count, cut, render_seconds, wrap
from drp.commands.check.report import tell_trouble
from drp.commands.readiness.results import REASONS, Cause, HostRoom, Readiness
from drp.model.moments import render_clock
from drp.model.values import render_duration, render_list, render_size

_LABEL: Final = 10
_MOST: Final = 5
"""Reasons that are told; the end must be seen without scrolling."""
_NAMED: Final = 6


def render_readiness(found: Readiness, zone: tzinfo) -> list[str]:
    lines = [_headline(found), *_rests_on(found, zone)]
    red = [cause for cause in found.all_causes if cause.is_red]
    warned = [cause for cause in found.all_causes if not cause.is_red]
    told = [*_tell("✗", red), *_tell("!", warned)]
    rooms = [_row(room.host, _tell_room(room)) for room in found.hosts if found.with_fit]
    return [*_wrap(lines), *told, *_wrap(rooms)]


def _wrap(lines: Sequence[str]) -> list[str]:
    return [part for line in lines for part in wrap(line)]


def _headline(found: Readiness) -> str:
    ready, asked = len(found.ready), len(found.tenants)
    mark = "✓" if not found.ending.code else "!" if ready else "✗"
    loss = "" if found.worst_loss_s is None else f", losing ≤ {render_seconds(found.worst_loss_s)}"
    way = f"{found.source} → {found.target}"
    duration = f": {_tell_duration(found)}" if ready else ""
    return f"{mark} {ready} of {asked} could fail over {way} now{duration}{loss} · exit {found.ending.code}"


def _tell_duration(found: Readiness) -> str:
    """From failovers; before there are three, what single restores took."""
    if found.duration is not None:
        seconds, spread = (render_seconds(s) for s in (found.duration.seconds, found.duration.spread_s))
        return f"{seconds} ± {spread}"
    if found.slowest_proof_s is not None:
        return f"restores took up to {render_seconds(found.slowest_proof_s)} each"
    return "no past run tells how long"


def _rests_on(found: Readiness, zone: tzinfo) -> Iterator[str]:
    if found.duration is not None:
        yield _row(
            "predicted", f"from {found.duration.runs} failovers, off by {found.duration.off:.0%} on average"
        )
    if found.hosts:
        yield _row("fit", f"{_tell_all(found.hosts)} · looked at {render_clock(found.at, zone)}")
    proofs = [each for each in found.tenants if each.proof_at is not None]
    if proofs:
        oldest = min(proofs, key=lambda each: each.proof_at or found.at)
        assert oldest.proof_at is not None
        yield _row("proof", f"oldest {render_duration(found.at - oldest.proof_at)} {oldest.tenant}")
    bad = {cause.reason for cause in found.all_causes}
    if found.could_look:
        well = [reason for reason in REASONS if reason not in bad]
        yield _row("well", render_list(well, len(REASONS)) or "-")
    for reason in sorted({*found.left_out.values()}):
        names = [name for name, why in found.left_out.items() if why == reason]
        yield _row("left out", f"{reason}: {render_list(names)}")


def _tell_all(hosts: Sequence[HostRoom]) -> str:
    used, memory = sum(h.memory_used for h in hosts), sum(h.memory for h in hosts)
    left = [h.disk_left for h in hosts if h.disk_left is not None]
    disk = [f"{render_size(max(0, sum(left)))} of disk left"] if left else []
    parts = [
        f"{used / max(memory, 1):.0%} of memory",
        *disk,
        f"{sum(h.links_left for h in hosts)} subnets left",
    ]
    return " · ".join(parts)


def _tell_room(room: HostRoom) -> str:
    is_known = room.disk_left is not None
    disk = f"{render_size(max(0, room.disk_left or 0))} of disk left" if is_known else "disk unknown"
    return (
        f"{room.memory_used / max(room.memory, 1):.0%} of memory · {disk} · {room.links_left} subnets left · "
        f"takes {count(len(room.tenants), 'tenant')}: {render_list(room.tenants) or '-'}"
    )


def _tell(mark: str, causes: Sequence[Cause]) -> Iterator[str]:
    """The first of each reason in full, of whom else it is in a line: as short for a thousand tenants."""
    reasons = list(dict.fromkeys(cause.reason for cause in causes))
    for reason in reasons[:_MOST]:
        first, *others = [cause for cause in causes if cause.reason == reason]
        yield from tell_trouble(first.trouble, reason)
        if others:
            named = list(dict.fromkeys(cause.tenant for cause in others if cause.tenant))
            told = [render_list(named, _NAMED)] if named else []
            unnamed = sum(not cause.tenant for cause in others)
            told += [f"{unnamed} more of all"] if unnamed else []
            yield cut(_row("", f"  also {' · '.join(told)}"))
    if len(reasons) > _MOST:
        yield f"{mark} +{len(reasons) - _MOST} reasons: drp readiness --json"


def _row(label: str, text: str) -> str:
    return f"  {label:<{_LABEL}}  {text}"
