"""A report as a page."""

from __future__ import annotations

from drp.reports import words
from drp.reports.drawing import draw_stages, draw_strips, draw_tenants
from drp.reports.model import Report
from drp.reports.page import render_page, render_seconds


def render_html(report: Report) -> str:
    """One file; the same bytes for the same journal."""
    return render_page(
        "report.html",
        title=f"Report of {report.run}",
        foot=f"{report.run} · journal {report.head[:16]}",
        zone=report.zone,
        report=report,
        words=words,
        cards=_cards(report),
        stages=draw_stages(report),
        rows=draw_tenants(report),
        strips=draw_strips(report),
    )


def _cards(report: Report) -> list[tuple[str, str]]:
    cards = [("Took", render_seconds(report.measured_s))]
    for strip in draw_strips(report):
        worst = (
            f"{render_seconds(strip.worst_s)} at worst" if strip.count > 1 else render_seconds(strip.worst_s)
        )
        bar = f" / bar {render_seconds(strip.bar_s)}" if strip.bar_s is not None else ""
        cards.append((strip.name, worst + bar))
    cards.append(("Need hands", str(len(report.troubled))))
    cards.append(("Skipped", str(len(report.skipped))))
    code = "not recorded" if report.exit_code is None else str(report.exit_code)
    return [*cards, ("Exit code", code)]
