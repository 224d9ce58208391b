"""Where bars and ticks stand: numbers for templates, a thousandth of the width each. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from drp.reports.model import Kind, Report, Span, TenantReport, kind_of
from drp.reports.page import render_seconds

WIDTH: Final = 1000
MOST_ROWS: Final = 40
"""Above this many tenants a timeline has a row for each wave, and one for each tenant that needs hands."""
_LEAST: Final = 4
"""What took no time can still be seen."""


@dataclass(frozen=True, slots=True)
class Bar:
    """``x`` and ``width`` in thousandths; ``words`` say the same."""

    x: int
    width: int
    kind: Kind
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of a timeline."""

    name: str
    kind: Kind
    status: str
    began: datetime
    seconds: float
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """How one figure is spread over tenants: a tick for each, the bar as a line of its own.

    ``path`` draws the ticks; ``limit`` is where the bar stands, None when there is none.
    """

    name: str
    count: int
    median_s: float
    worst_s: float
    worst: str
    bar_s: float | None
    above: int
    path: str
    limit: int | None
    end_s: float


def draw_stages(report: Report) -> list[Row]:
    """A row for each stage of the run."""
    scale = _Scale(report)
    return [
        Row(
            name=span.name,
            kind=kind_of(span.status),
            status=span.status,
            began=span.began,
            seconds=span.seconds,
            bars=(scale.bar(span),),
        )
        for span in report.stages
    ]


def draw_tenants(report: Report) -> list[Row]:
    """A row for each tenant; when they are many, for each wave and for those that need hands."""
    scale = _Scale(report)
    begun = [each for each in report.tenants if each.stages]
    if len(begun) <= MOST_ROWS:
        return [_tenant_row(each, scale) for each in begun]
    troubled = [each for each in report.troubled if each.stages]
    return [*_wave_rows(report, scale), *(_tenant_row(each, scale) for each in troubled[:MOST_ROWS])]


def _wave_rows(report: Report, scale: _Scale) -> list[Row]:
    by_name = {each.tenant: each for each in report.tenants}
    groups = [(wave.name, [by_name[name] for name in wave.tenants]) for wave in report.waves]
    rows = []
    for name, members in groups or [("all", [*report.tenants])]:
        spans = [span for member in members for span in member.stages]
        if not spans:
            continue
        began, ended = min(span.began for span in spans), max(span.ended for span in spans)
        well = sum(member.kind == "done" for member in members)
        kind: Kind = "done" if well == len(members) else "part" if well else "failed"
        whole = Span(name=name, began=began, ended=ended, status=kind, steps=0)
        rows.append(
            Row(
                name=f"wave {name}",
                kind=kind,
                status=f"{well} of {len(members)} done",
                began=began,
                seconds=whole.seconds,
                bars=(scale.bar(whole, kind=kind),),
            )
        )
    return rows


def _tenant_row(tenant: TenantReport, scale: _Scale) -> Row:
    began = min(span.began for span in tenant.stages)
    return Row(
        name=tenant.tenant,
        kind=tenant.kind,
        status=tenant.status,
        began=began,
        seconds=(max(span.ended for span in tenant.stages) - began).total_seconds(),
        bars=tuple(scale.bar(span) for span in tenant.stages),
    )


class _Scale:
    """From the run's begin to its end."""

    def __init__(self, report: Report) -> None:
        self._began = report.began
        self._length = max((report.ended - report.began).total_seconds(), 0.001)

    def bar(self, span: Span, *, kind: Kind | None = None) -> Bar:
        x = self._at(span.began)
        return Bar(
            x=min(x, WIDTH - _LEAST),
            width=max(self._at(span.ended) - x, _LEAST),
            kind=kind or kind_of(span.status),
            words=f"{span.name} {render_seconds(span.seconds)}, {span.status}",
        )

    def _at(self, moment: datetime) -> int:
        return min(round((moment - self._began).total_seconds() / self._length * WIDTH), WIDTH)


def draw_strips(report: Report) -> list[Strip]:
    """RTO, RPO and freeze, as far as they were recorded."""
    tenants = report.tenants
    found = [
        ("RTO", [(t.rto_s, t.tenant) for t in tenants], [t.rto_bar_s for t in tenants]),
        ("RPO", [(t.rpo_s, t.tenant) for t in tenants], [t.rpo_bar_s for t in tenants]),
        ("Freeze", [(t.freeze_s, t.tenant) for t in tenants], [t.freeze_bar_s for t in tenants]),
    ]
    return [
        strip
        for name, values, bars in found
        if (strip := _strip(name, [(s, who) for s, who in values if s is not None], bars)) is not None
    ]


def _strip(name: str, values: Sequence[tuple[float, str]], bars: Sequence[float | None]) -> Strip | None:
    if not values:
        return None
    seconds = [found for found, _ in values]
    bar = next((each for each in bars if each is not None), None)
    worst_s, worst = max(values)
    end = max([*seconds, bar or 0.0, 0.001])
    places = sorted({round(each / end * (WIDTH - 8)) + 4 for each in seconds})
    return Strip(
        name=name,
        count=len(values),
        median_s=statistics.median(seconds),
        worst_s=worst_s,
        worst=worst,
        bar_s=bar,
        above=sum(bar is not None and each > bar for each in seconds),
        path="".join(f"M{x} 6V26" for x in places),
        limit=None if bar is None else round(bar / end * (WIDTH - 8)) + 4,
        end_s=end,
    )
