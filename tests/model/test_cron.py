"""When a schedule is due: on ordinary nights, and on those of a clock change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drp.model.cron import latest_due, next_due, read_cron

PARIS = "Europe/Paris"
SPRING = datetime(2031, 3, 29, 12, tzinfo=UTC)
AUTUMN = datetime(2031, 10, 25, 12, tzinfo=UTC)
TWO_DAYS = timedelta(days=2)

NUMBERS = {"minute": (0, 59), "hour": (0, 23)}
CRONS = st.builds(
    "{} {} {} * {}".format,
    st.one_of(st.integers(0, 59).map(str), st.sampled_from(["*/20", "0,30", "15-17"])),
    st.one_of(st.integers(0, 23).map(str), st.sampled_from(["*", "*/6", "1-3", "2,14"])),
    st.sampled_from(["*", "1", "*/7"]),
    st.sampled_from(["*", "Sun", "Mon-Fri", "0"]),
)
ZONES = st.sampled_from([PARIS, "UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"])
MOMENTS = st.integers(0, 2 * 365 * 24 * 60).map(
    lambda minutes: datetime(2031, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


def all_due(cron: str, zone: str, start: datetime, end: datetime) -> list[datetime]:
    found: list[datetime] = []
    moment = next_due(cron, zone, after=start)
    while moment is not None and moment <= end:
        found.append(moment)
        moment = next_due(cron, zone, after=moment)
    return found


@pytest.mark.parametrize(
    ("cron", "night", "expected"),
    [
        # there is no 02:30 that night
        ("30 2 * * *", SPRING, ["2031-03-30T01:00:00+00:00", "2031-03-31T00:30:00+00:00"]),
        ("0 3 * * *", SPRING, ["2031-03-30T01:00:00+00:00", "2031-03-31T01:00:00+00:00"]),
        # there are two
        ("30 2 * * *", AUTUMN, ["2031-10-26T00:30:00+00:00", "2031-10-27T01:30:00+00:00"]),
        ("0 3 * * *", AUTUMN, ["2031-10-26T02:00:00+00:00", "2031-10-27T02:00:00+00:00"]),
    ],
)
def test_once_in_each_night_of_a_clock_change(cron: str, night: datetime, expected: list[str]) -> None:
    found = all_due(cron, PARIS, night, night + TWO_DAYS)
    assert [moment.isoformat() for moment in found] == expected


def test_every_hour_means_every_hour_that_passes() -> None:
    assert len(all_due("30 * * * *", PARIS, SPRING, SPRING + TWO_DAYS)) == 48
    assert len(all_due("30 * * * *", PARIS, AUTUMN, AUTUMN + TWO_DAYS)) == 48


@given(cron=CRONS, zone=ZONES, start=MOMENTS, hours=st.integers(1, 100))
def test_looking_back_finds_what_looking_forward_found(
    cron: str, zone: str, start: datetime, hours: int
) -> None:
    end = start + timedelta(hours=hours)
    due = all_due(cron, zone, start, end)
    assert due == sorted(set(due))
    assert latest_due(cron, zone, after=start, until=end) == (due[-1] if due else None)


def test_in_the_second_pass_of_an_hour_the_first_counts() -> None:
    """02:15 comes for the second time, and nobody was there when it was 02:30 for the first."""
    second = datetime(2031, 10, 26, 1, 15, tzinfo=UTC)
    found = latest_due("30 2 * * *", PARIS, after=AUTUMN, until=second)
    assert found == datetime(2031, 10, 26, 0, 30, tzinfo=UTC)
    assert next_due("30 2 * * *", PARIS, after=second) == datetime(2031, 10, 27, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "0 3 * *", "0 3 * * * *", "60 3 * * *", "0 3 * * Son", "0 0 31 2 *"])
def test_what_is_no_cron_expression(text: str) -> None:
    with pytest.raises(ValueError, match="cannot read cron expression"):
        read_cron(text)


def test_common_ones_have_names() -> None:
    assert read_cron("@daily") == "0 0 * * *"
    assert read_cron(" 0  3 * *  Sun ") == "0 3 * * Sun"
