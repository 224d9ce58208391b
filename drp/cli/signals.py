"""The operator's signals: the first stops at a safe point, a later one leaves; hanging up stops nothing."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, NoReturn

from drp.commands.stopping import Departure, Stoppable

APART_S: Final = 1.0
"""Two signals within this time are one: wrappers tend to double Ctrl-C."""

_STOPPING: Final = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """What a signal does to one run; ``monotonic`` in seconds."""

    def __init__(self, run: Stoppable, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._run = run
        self._monotonic = monotonic
        self._first: float | None = None
        self.departure = Departure()

    def __call__(self, *_: int | FrameType | None) -> None:
        now = self._monotonic()
        if self._first is None:
            self._first = now
            self._run.cancel()
        elif now - self._first >= APART_S:
            self.departure.has_left = True
            self._run.leave()


@contextmanager
def listen(run: Stoppable) -> Iterator[Departure]:
    """While inside, signals go to the run."""
    stop = Stop(run)
    before = {number: signal.signal(number, stop) for number in _STOPPING}
    try:
        yield stop.departure
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def prepare() -> None:
    """For the time before a run: SIGTERM is like Ctrl-C, and a closed terminal is no reason to end."""
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def _interrupt(*_: int | FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
