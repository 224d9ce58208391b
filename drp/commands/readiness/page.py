"""Readiness as a page for people: the verdict, who is red with what to type, proofs, room, next drills."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from drp.commands.readiness.results import REASONS, Cause, Readiness, TenantReadiness
from drp.commands.schedule.clerk import Outlook
from drp.model.values import render_duration, render_list, render_size
from drp.reports.page import render_page, render_seconds

_COMMAND: Final = re.compile(r"`(drp [^`]+)`")


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseRow:
    """``kind`` a status of pages; ``command`` what to type, without the rest of the hint."""

    kind: str
    reason: str
    tenant: str
    message: str
    place: str
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantRow:
    kind: str
    word: str
    tenant: str
    host: str
    loss: str
    proof: str
    took: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomRow:
    host: str
    memory: str
    disk: str
    links: int
    takes: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NextRow:
    """``begins`` None: it does not; ``note`` says why, or why later than due."""

    name: str
    begins: datetime | None
    who: str
    note: str


def render_readiness_page(found: Readiness, *, outlooks: Sequence[Outlook], zone: str) -> str:
    """One file, without script or request."""
    bad = {cause.reason for cause in found.all_causes if cause.is_red}
    return render_page(
        "readiness.html",
        title=f"Readiness {found.source} → {found.target}",
        foot=f"readiness {found.source} to {found.target}, {found.at:%Y-%m-%d %H:%M:%S} UTC",
        zone=zone,
        found=found,
        kind=_kind(found),
        word="ready" if not found.ending.code else "not ready" if not found.ready else "partly ready",
        cards=_cards(found),
        causes=[_cause(cause) for cause in found.all_causes],
        ties=[(reason, reason not in bad) for reason in REASONS] if found.could_look else [],
        tenants=[_tenant(found, each) for each in found.tenants],
        rooms=[*_rooms(found)],
        coming=[_next(each) for each in outlooks],
    )


def _kind(found: Readiness) -> str:
    return "done" if not found.ending.code else "part" if found.ready else "failed"


def _cards(found: Readiness) -> list[tuple[str, str]]:
    cards = [("Could fail over now", f"{len(found.ready)} of {len(found.tenants)}")]
    if found.duration is not None:
        spread = render_seconds(found.duration.spread_s)
        cards.append(("All serve in", f"{render_seconds(found.duration.seconds)} ± {spread}"))
        runs = found.duration.runs
        cards.append(("Error of predictions", f"{found.duration.off:.0%} over the last {runs} failovers"))
    elif found.slowest_proof_s is not None:
        cards.append(("Slowest proven restore", render_seconds(found.slowest_proof_s)))
    if found.worst_loss_s is not None:
        cards.append(("Would lose at most", render_seconds(found.worst_loss_s)))
    return cards


def _cause(cause: Cause) -> CauseRow:
    command = _COMMAND.search(cause.trouble.hint)
    return CauseRow(
        kind="failed" if cause.is_red else "part",
        reason=cause.reason,
        tenant=cause.tenant or "all",
        message=cause.trouble.message,
        place=cause.trouble.place,
        command=command[1] if command else "",
    )


def _tenant(found: Readiness, each: TenantReadiness) -> TenantRow:
    is_ready = each in found.ready
    return TenantRow(
        kind="done" if is_ready else "failed",
        word="ready" if is_ready else "not ready",
        tenant=each.tenant,
        host=each.host or "no place",
        loss="no backup" if each.loss_s is None else render_seconds(each.loss_s),
        proof="never" if each.proof_at is None else f"{render_duration(found.at - each.proof_at)} ago",
        took="unknown" if each.rto_s is None else render_seconds(each.rto_s),
    )


def _rooms(found: Readiness) -> Iterator[RoomRow]:
    for room in found.hosts:
        disk = "unknown" if room.disk_left is None else f"{render_size(max(0, room.disk_left))} left"
        yield RoomRow(
            host=room.host,
            memory=f"{room.memory_used / max(room.memory, 1):.0%} of {render_size(room.memory)}",
            disk=disk,
            links=room.links_left,
            takes=render_list(room.tenants) or "nobody",
        )


def _next(outlook: Outlook) -> NextRow:
    planned = outlook.planned
    note = f"paused by {planned.paused}" if planned.paused else ""
    if not note and outlook.begins is None:
        note = "business hours leave no room" if outlook.due else "never due again"
    elif not note and outlook.is_put_off:
        note = "put off by business hours"
    return NextRow(
        name=planned.name,
        begins=None if planned.paused else outlook.begins,
        who=render_list(outlook.tenants) or "nobody",
        note=note,
    )
