"""How a drill is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from drp.cli.drill_text import render_drill_end
from drp.commands.endings import DONE, FINDINGS, PARTIAL, Ending
from drp.commands.fleet.results import FleetReport, TenantOutcome
from drp.model.policies import Policies

GOOD = TenantOutcome(
    tenant="hal",
    status="done",
    rto_s=151,
    rpo_s=12,
    figures={"documents": 4, "redis_keys": 1, "logins": 3, "requests": 9},
)
BAD = TenantOutcome(tenant="tyrell", status="quarantined", cause="cannot read '000017.pack'")


def build_report(ending: Ending, *outcomes: TenantOutcome, next_: str = "") -> FleetReport:
    return FleetReport(
        ending=ending,
        run="drill-261108-e4k7",
        verb="drill",
        source="",
        target="",
        began=datetime(2026, 11, 8, 2, tzinfo=UTC),
        seconds=200,
        stages={},
        outcomes=outcomes,
        next=next_,
        policies=Policies(rpo=timedelta(seconds=30), rto=timedelta(minutes=1)),
    )


def test_what_failed_comes_first_and_bars_are_named() -> None:
    assert render_drill_end(build_report(FINDINGS, GOOD, BAD), UTC) == [
        "✗ tyrell  cannot read '000017.pack'",
        "! hal  equal, 4 documents · 1 key · 3 logins · 9 requests · RPO 12s (30s) · RTO 2m31s (above 1m00s)",
        "✓ bubbles gone: no container, volume, link, file or route of them is left",
        "! findings: 1 of 2 proven at 2026-11-08 02:03:20 UTC   drill-261108-e4k7 · 3m20s · exit 11",
    ]


def test_many_are_cut_and_a_bubble_that_is_left_is_told() -> None:
    lines = render_drill_end(build_report(DONE, *[GOOD] * 200), UTC)
    assert len(lines) <= 24
    assert any("+190 more, see `drp status e4k7`" in line for line in lines)
    lines = render_drill_end(build_report(PARTIAL, GOOD, next_="drp resume e4k7"), UTC)
    assert "! something of a bubble is left" in lines
    assert "  next      `drp resume e4k7`" in lines
