"""Drills in words: what would be drilled where, and what was proven; at most 24 lines at any size."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta, tzinfo
from typing import Final

from drp.cli.words import count, render_seconds, wrap
from drp.commands.fleet.results import FleetReport, FleetReview, TenantOutcome
from drp.commands.runs import tail_of
from drp.model.moments import render_moment
from drp.model.values import render_duration, render_list

_MOST: Final = 10
_MARKS: Final = {"done": "✓", "findings": "!", "partial": "!", "cancelled": "-", "unknown": "?"}
_APART: Final = "its own secrets, no way out, no mail, no backup; ends at once if a failover begins"


def render_drill_review(found: FleetReview) -> list[str]:
    places = render_list(sorted(set(found.places.values()))) or "nowhere"
    lines = [
        f"drill {count(len(found.tenants), 'tenant')}: {render_list(found.tenants)}",
        f"  bubble    {places}",
        f"  apart     {_APART}",
        *(f"  left out  {name}: {reason}" for name, reason in [*found.left_out.items()][:_MOST]),
        f"{count(len(found.plan.steps), 'step')} · plan {found.digest} · run it: drp {found.command}",
    ]
    return [part for line in lines for part in wrap(line)]


def render_drill_end(report: FleetReport, zone: tzinfo) -> list[str]:
    """A line for each tenant, the others first that are not proven; then what became of the bubbles."""
    ranked = sorted(report.outcomes, key=lambda outcome: outcome.status == "done")
    lines = [_tell(outcome, report) for outcome in ranked[:_MOST]]
    if len(ranked) > _MOST:
        lines.append(f"  +{len(ranked) - _MOST} more, see `drp status {tail_of(report.run)}`")
    lines += _tell_end(report, zone)
    return [part for line in lines for part in wrap(line)]


def _tell_end(report: FleetReport, zone: tzinfo) -> Iterator[str]:
    if report.ending.word == "partial":
        yield "! something of a bubble is left"
        yield f"  next      `{report.next}`"
    else:
        yield "✓ bubbles gone: no container, volume, link, file or route of them is left"
    if report.error is not None:
        yield f"  trouble   {report.error.cause}"
    asked = len(report.outcomes) - report.count("skipped")
    mark = _MARKS.get(report.ending.word, "✗")
    until = render_moment(report.began + timedelta(seconds=report.seconds), zone)
    yield (
        f"{mark} {report.ending.word}: {report.count('done')} of {asked} proven at {until}   "
        f"{report.run} · {render_seconds(report.seconds)} · exit {report.ending.code}"
    )


def _tell(outcome: TenantOutcome, report: FleetReport) -> str:
    if outcome.status != "done":
        mark = {"quarantined": "✗", "skipped": "-"}.get(outcome.status, "·")
        return f"{mark} {outcome.tenant}  {outcome.cause or 'not finished'}"
    figures = outcome.figures
    parts = [
        f"equal, {count(_number(figures.get('documents')), 'document')}",
        f"{count(_number(figures.get('redis_keys')), 'key')}",
        f"{count(_number(figures.get('logins')), 'login')}",
        f"{count(_number(figures.get('requests')), 'request')}",
        *_spans(outcome, report),
    ]
    return f"{'!' if any('above' in part for part in parts) else '✓'} {outcome.tenant}  {' · '.join(parts)}"


def _spans(outcome: TenantOutcome, report: FleetReport) -> Iterator[str]:
    """What was achieved, and what was promised."""
    bars = report.policies
    for label, seconds, bar in (("RPO", outcome.rpo_s, bars.rpo), ("RTO", outcome.rto_s, bars.rto)):
        if seconds is None:
            continue
        text = f"{label} {render_duration(timedelta(seconds=round(seconds, 1)))}"
        if bar is not None:
            above = "above " if seconds > bar.total_seconds() else ""
            text += f" ({above}{render_duration(bar)})"
        yield text


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
