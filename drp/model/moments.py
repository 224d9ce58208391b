"""Moments as people read them: always with their zone."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def find_zone(name: str) -> tzinfo:
    """The zone of that name; UTC where this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def render_moment(moment: datetime, zone: tzinfo) -> str:
    """``2026-11-04 21:07:44 CET``."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"


def render_clock(moment: datetime, zone: tzinfo) -> str:
    """``21:07:44 CET``."""
    return f"{moment.astimezone(zone):%H:%M:%S %Z}"
