"""What was seen of a site that may be lost, in words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta, tzinfo
from typing import Final

from drp.cli.words import count
from drp.model.moments import render_moment
from drp.model.sights import SiteSight
from drp.model.values import render_duration, render_list

_HEADS: Final = {
    "dead": "IS DEAD",
    "half-dead": "IS HALF DEAD, NOT GONE",
    "alive": "IS ALIVE",
    "isolated": "CANNOT BE SEEN",
}


def render_sight(sight: SiteSight, *, moves: int, worst_loss_s: float, zone: tzinfo) -> list[str]:
    """The headline, the evidence, and both ways when there are two."""
    here = "here and the reserve" if sight.reserve else "here only"
    when = render_moment(sight.seen, zone)
    lines = [f"{sight.site} {_HEADS[sight.verdict]}   seen from {here}, {when}", *_evidence(sight)]
    if sight.verdict in ("half-dead", "alive"):
        lost = render_duration(timedelta(seconds=round(worst_loss_s, 1)))
        lines += _two_ways(sight, moves=moves, lost=lost)
    return lines


def _evidence(sight: SiteSight) -> Iterator[str]:
    alive = [host for host in sight.hosts if host.answers]
    silent = [host.host for host in sight.hosts if not host.answers]
    rest = f"; {render_list(silent)} silent" if silent and alive else ""
    yield f"  hosts    {len(alive)} of {len(sight.hosts)} answer{rest}"
    parts = [f"engines {sum(host.engine for host in sight.hosts)}", f"edges {_edges(sight)}"]
    yield f"  here     {' · '.join(parts)}; witness {'answers' if sight.witness else 'does not answer'}"
    if sight.reserve:
        seen = sum(bool(host.reserve) for host in sight.hosts)
        yield f"  reserve  {sight.reserve} sees {count(seen, 'edge')} of {len(sight.hosts)}"
    else:
        yield "  reserve  none of its hosts could look"
    yield f"  tenants  {len(sight.answering)} of {len(sight.tenants)} answer"
    if sight.neutral:
        well = sum(sight.neutral.values())
        yield f"  neutral  {well} of {count(len(sight.neutral), 'name')} answer from here"


def _edges(sight: SiteSight) -> int:
    return sum(host.here for host in sight.hosts)


def _two_ways(sight: SiteSight, *, moves: int, lost: str) -> Iterator[str]:
    answering = len(sight.answering)
    rows = [
        ("", "A planned", "B disaster"),
        ("moves", f"{answering}, one by one", f"{moves}"),
        ("lost writes", f"0 (others: ≤ {lost})" if answering < moves else "0", f"≤ {lost}"),
        ("way back", "automatic, each tenant", "a new move, one by one"),
        ("needs", f"{sight.site} to last so long", f"the end of {sight.site}'s lease"),
    ]
    for label, planned, disaster in rows:
        yield f"  {label:<13} {planned:<25} {disaster}".rstrip()
