"""A report on a terminal: at most some forty lines, whatever the size of the run."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import Final

from drp.model.moments import find_zone, render_moment
from drp.model.values import SHOWN, render_list
from drp.reports import words
from drp.reports.drawing import draw_strips
from drp.reports.model import Report, TenantReport
from drp.reports.page import STATUSES, render_seconds

_WIDTH: Final = 100
_COMMAND: Final = re.compile(r"`[^`]*`")
_GLUE: Final = "\x1f"
"""Stands for a space at which no line may end."""


def render_text(report: Report) -> list[str]:
    """The verdict first, then what it rests on; what needs hands has its command beside it."""
    zone = find_zone(report.zone)
    code = "not recorded" if report.exit_code is None else str(report.exit_code)
    began, ended = render_moment(report.began, zone), render_moment(report.ended, zone)
    who = [f"{each.actor} {', '.join(each.did) or 'went on'}" for each in report.sessions]
    lines = [
        f"{STATUSES[report.kind]} {report.status}: {words.say_verdict(report)}",
        _row("run", f"{report.run}, exit {code}, {report.steps_done} of {report.steps} steps hold"),
        *([_row("missing", report.note)] if report.note else []),
        _row("asked", report.order or "not recorded"),
        _row("by", f"{render_list(who)}{f', on {report.machine}' if report.machine else ''}"),
        _row("when", f"{began} to {ended}"),
        _row("duration", words.say_prediction(report.predicted_s, report.measured_s)),
        _row("stages", " · ".join(f"{span.name} {render_seconds(span.seconds)}" for span in report.stages)),
        *_bars(report),
        *_compared(report),
        *_limited([_trouble(each) for each in report.troubled if len(report.tenants) > 1 or each.cause]),
        *_limited([_row("skipped", f"{each.tenant}: {each.cause}") for each in report.skipped]),
        *_limited([_row("unprotected", f"{each.tenant}: {each.protection}") for each in report.bare]),
        _row("evidence", f"{report.records} records, head {report.head[:16]}"),
        *([_row("next", f"`{report.next}`")] if report.next else []),
    ]
    return [part for line in lines for part in _wrap(line)]


def _row(label: str, text: str) -> str:
    return f"  {label:<11} {text}"


def _trouble(each: TenantReport) -> str:
    code = f"({each.code})" if each.code else ""
    command = f" `{each.next}`" if each.next else ""
    cause = each.cause or "cause not recorded"
    return f"  {STATUSES[each.kind]} {each.tenant}  {each.status}{code}, {cause}{command}"


def _bars(report: Report) -> list[str]:
    rows = []
    for strip in draw_strips(report):
        spread = f"median {render_seconds(strip.median_s)} · worst " if strip.count > 1 else ""
        bar = (
            "no bar set"
            if strip.bar_s is None
            else f"bar {render_seconds(strip.bar_s)}, {strip.above} above it"
        )
        rows.append(_row(strip.name, f"{spread}{render_seconds(strip.worst_s)} {strip.worst} · {bar}"))
    return rows


def _compared(report: Report) -> list[str]:
    if len(report.tenants) == 1:
        only = report.tenants[0]
        return [_row("compared", f"{found.what}: {words.say_numbers(found)}") for found in only.comparisons]
    compared = [each for each in report.tenants if each.content]
    if not compared:
        return []
    total = sum(found for each in compared if isinstance(found := each.content.get("documents"), int))
    return [_row("compared", f"{total:,} documents of {len(compared)} of {len(report.tenants)} tenants")]


def _limited(lines: Sequence[str]) -> list[str]:
    rest = len(lines) - SHOWN
    return [*lines[:SHOWN], *([f"  +{rest} more: --html FILE or --json"] if rest > 0 else [])]


def _wrap(line: str) -> list[str]:
    """Commands in backticks are left whole."""
    whole = _COMMAND.sub(lambda found: found.group().replace(" ", _GLUE), line)
    parts = textwrap.wrap(
        whole, _WIDTH, subsequent_indent=" " * 14, break_long_words=False, break_on_hyphens=False
    )
    return [part.replace(_GLUE, " ") for part in parts]
