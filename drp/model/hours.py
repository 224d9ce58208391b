"""Business hours: days of the week and times of the day on the wall clock of a zone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_FORM: Final = re.compile(
    r"(?P<days>[A-Za-z,-]+) (?P<begin>\d\d:\d\d)-(?P<end>\d\d:\d\d)(?: (?P<zone>[A-Za-z0-9_+/-]+))?"
)
_WEEK: Final = timedelta(days=8)
"""Whoever is not free within it never is."""
_MIDNIGHT: Final = 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """``days`` 0 (Monday) to 6; ``begin`` and ``end`` in minutes of the day; ``zone`` an IANA name, or ""."""

    days: frozenset[int]
    begin: int
    end: int
    zone: str = ""

    def spans(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Those (UTC) that meet [``start``, ``end``), in order."""
        zone = ZoneInfo(self.zone)
        day = start.astimezone(zone).date() - timedelta(days=1)
        last = end.astimezone(zone).date()
        while day <= last:
            if day.weekday() in self.days:
                span = _moment(day, self.begin, zone), _moment(day, self.end, zone)
                if span[0] < end and span[1] > start:
                    yield span
            day += timedelta(days=1)


def parse_hours(text: str) -> Hours:
    """``Mon-Fri 08:00-19:00``, ``Mon,Sat 09:00-24:00 Europe/Paris``. Raises ValueError."""
    match = _FORM.fullmatch(" ".join(text.split()))
    try:
        if match is None:
            raise ValueError("form")
        days = frozenset(day for part in match["days"].split(",") for day in _days(part))
        begin, end = _minutes(match["begin"]), _minutes(match["end"])
        zone = match["zone"] or ""
        if not begin < end:
            raise ValueError("order")
        if zone:
            ZoneInfo(zone)
    except (ValueError, OSError, KeyError) as error:
        raise ValueError(
            f"cannot read hours '{text}': write Mon-Fri 08:00-19:00, with a zone behind it if it is another, "
            "or none"
        ) from error
    return Hours(days=days, begin=begin, end=end, zone=zone)


def find_free(hours: Iterable[Hours], start: datetime, room: timedelta) -> datetime | None:
    """The first moment from ``start`` on from which ``room`` passes outside of all hours; None: never."""
    listed, moment = [*hours], start
    while moment - start < _WEEK:
        met = [span for each in listed for span in each.spans(moment, moment + room)]
        if not met:
            return moment
        moment = max(end for _, end in met)
    return None


def _days(part: str) -> list[int]:
    """``Mon`` or ``Mon-Fri``. Raises ValueError."""
    first, _, last = part.partition("-")
    begin = _DAYS.index(first.capitalize())
    end = _DAYS.index(last.capitalize()) if last else begin
    if end < begin:
        raise ValueError("order")
    return [*range(begin, end + 1)]


def _minutes(text: str) -> int:
    hour, minute = (int(part) for part in text.split(":"))
    total = hour * 60 + minute
    if minute > 59 or total > _MIDNIGHT:
        raise ValueError("time")
    return total


def _moment(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    days, rest = divmod(minutes, _MIDNIGHT)
    at = time(rest // 60, rest % 60, tzinfo=zone)
    return datetime.combine(day + timedelta(days=days), at).astimezone(UTC)
