"""Signals: one stops, two within a second are one, a later one leaves."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from drp.cli.signals import Stop, listen, prepare


class Run:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def cancel(self) -> None:
        self.told.append("cancel")

    def leave(self) -> None:
        self.told.append("leave")


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("moments", "told"),
    [
        ([0.0], ["cancel"]),
        ([0.0, 0.4], ["cancel"]),
        ([0.0, 0.4, 0.9], ["cancel"]),
        ([0.0, 1.0], ["cancel", "leave"]),
        ([0.0, 0.1, 5.0], ["cancel", "leave"]),
    ],
)
def test_signals_in_time(moments: list[float], told: list[str]) -> None:
    """Bar 28: two within a second are one."""
    run, clock = Run(), iter(moments)
    stop = Stop(run, monotonic=lambda: next(clock))
    for _ in moments:
        stop(signal.SIGINT, None)
    assert run.told == told
    assert stop.departure.has_left is ("leave" in told)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_reaches_the_run_while_it_listens(number: signal.Signals) -> None:
    run = Run()
    before = signal.getsignal(number)
    with listen(run):
        signal.raise_signal(number)
    assert run.told == ["cancel"]
    assert signal.getsignal(number) is before


def test_term_is_like_ctrl_c_before_a_run() -> None:
    prepare()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)


def test_closed_terminal_ends_nothing() -> None:
    """Bar 29."""
    prepare()
    signal.raise_signal(signal.SIGHUP)
