"""One line about how far a step is."""

from __future__ import annotations

from drp.cli.words import render_seconds
from drp.commands.events import ProgressEvent
from drp.model.values import render_size

_BAR = 16


def render_progress(event: ProgressEvent, *, bar: bool = False) -> str:
    """``812.0 MB of 1.2 GB 24.0 MB/s, 18s left``; with ``bar`` a bar in front when the total is known."""
    amount = _amount(event.done, event.unit)
    if event.total:
        amount = f"{amount} of {_amount(event.total, event.unit)}"
    rate = f" {_amount(round(event.rate), event.unit)}/s" if event.rate else ""
    left = f", {render_seconds(round(event.eta_s))} left" if event.eta_s is not None else ""
    drawn = f"{_bar(event.done / event.total)} " if bar and event.total else ""
    return f"{drawn}{amount}{rate}{left}"


def render_eta(eta_s: float, spread_s: float | None) -> str:
    """``2m20s ± 30s``."""
    return f"{render_seconds(round(eta_s))} ± {render_seconds(round(spread_s or 0))}"


def _amount(value: int, unit: str) -> str:
    return render_size(value) if unit == "bytes" else f"{value:,} {unit}".rstrip()


def _bar(share: float) -> str:
    full = round(min(share, 1) * _BAR)
    return "█" * full + "░" * (_BAR - full)
