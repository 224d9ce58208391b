"""When a cron expression of five fields is due, on the wall clock of a zone.

On the nights of a clock change it is as with Debian's cron: a moment that the clock leaps over is due at the
leap, one that the clock shows twice is due the first time. An expression for every hour follows the hours.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

_FIELDS: Final = 5
_NAMED: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
}


def read_cron(text: str) -> str:
    """The five fields, one space between two. Raises ValueError."""
    fields = _NAMED.get(text.strip(), text).split()
    try:
        if len(fields) != _FIELDS:
            raise CronSimError(f"{len(fields)} fields")
        CronSim(" ".join(fields), datetime(2000, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        raise ValueError(
            f"cannot read cron expression '{text}' ({str(error).lower()}): write five fields, as in "
            "0 3 * * Sun, or @daily"
        ) from error
    return " ".join(fields)


def next_due(cron: str, zone: str, *, after: datetime) -> datetime | None:
    """The first moment (UTC) later than ``after``; None when there is none in fifty years."""
    return next(_following(cron, zone, after), None)


def latest_due(cron: str, zone: str, *, after: datetime, until: datetime) -> datetime | None:
    """The last moment (UTC) in (``after``, ``until``]; None when none is in it."""
    before = next(_moments(cron, zone, until, reverse=True), after)
    found = max(before, after)
    for moment in _following(cron, zone, found):
        # going back from the second pass of an hour misses what was due in the first
        if moment > until:
            break
        found = moment
    return found if found > after else None


def _following(cron: str, zone: str, after: datetime) -> Iterator[datetime]:
    # from within the second pass of an hour the first one comes again
    return (moment for moment in _moments(cron, zone, after) if moment > after)


def _moments(cron: str, zone: str, start: datetime, *, reverse: bool = False) -> Iterator[datetime]:
    local = start.astimezone(ZoneInfo(zone))
    return (moment.astimezone(UTC) for moment in CronSim(cron, local, reverse=reverse))
