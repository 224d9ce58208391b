"""Business hours, and the first moment outside of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drp.model.hours import Hours, find_free, parse_hours

OFFICE = parse_hours("Mon-Fri 08:00-19:00 Europe/Paris")
HOUR = timedelta(hours=1)
HOURS = st.builds(
    lambda days, begin, length, zone: Hours(days=days, begin=begin, end=min(begin + length, 1440), zone=zone),
    st.frozensets(st.integers(0, 6), min_size=1),
    st.integers(0, 1430),
    st.integers(1, 1440),
    st.sampled_from(["Europe/Paris", "America/New_York", "Asia/Kolkata"]),
)
STARTS = st.integers(0, 365 * 24 * 60).map(
    lambda minutes: datetime(2031, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Paris")).astimezone(UTC)


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("2031-03-04 06:30", "2031-03-04 06:30"),
        # an hour must be left
        ("2031-03-04 07:30", "2031-03-04 19:00"),
        ("2031-03-04 12:00", "2031-03-04 19:00"),
        ("2031-03-04 19:00", "2031-03-04 19:00"),
        ("2031-03-08 12:00", "2031-03-08 12:00"),
        # the Sunday of the clock change, and the Monday after it
        ("2031-03-30 02:30", "2031-03-30 03:30"),
        ("2031-03-31 08:00", "2031-03-31 19:00"),
    ],
)
def test_the_first_moment_outside(start: str, expected: str) -> None:
    assert find_free([OFFICE], at(start), HOUR) == at(expected)


def test_of_several_all_must_be_free() -> None:
    india = parse_hours("Mon-Fri 00:00-08:30 Europe/Paris")
    assert find_free([OFFICE, india], at("2031-03-04 03:00"), HOUR) == at("2031-03-04 19:00")


def test_who_never_closes_is_never_free() -> None:
    always = parse_hours("Mon-Sun 00:00-24:00 UTC")
    assert find_free([always], at("2031-03-04 03:00"), HOUR) is None
    assert find_free([], at("2031-03-04 03:00"), HOUR) == at("2031-03-04 03:00")


@given(hours=st.lists(HOURS, max_size=3), start=STARTS, minutes=st.integers(1, 180))
def test_what_is_found_is_outside_and_nothing_earlier_is(
    hours: list[Hours], start: datetime, minutes: int
) -> None:
    room = timedelta(minutes=minutes)
    found = find_free(hours, start, room)
    if found is None:
        return
    assert not [span for each in hours for span in each.spans(found, found + room)]
    probe = start
    while probe < found:
        assert [span for each in hours for span in each.spans(probe, probe + room)]
        probe += timedelta(minutes=17)


@pytest.mark.parametrize(
    "text", ["", "08:00-19:00", "Mon-Fri 19:00-08:00", "Fri-Mon 08:00-19:00", "Mon 08:00-25:00",
             "Mon 08:60-09:00", "Mon-Fri 08:00-19:00 Europe/Nowhere", "Day 08:00-19:00"],
)  # fmt: skip
def test_what_are_no_hours(text: str) -> None:
    with pytest.raises(ValueError, match="cannot read hours"):
        parse_hours(text)
