"""A clock that moves only when it is told to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

START = datetime(2031, 3, 4, 2, 11, tzinfo=UTC)


class ManualClock:
    """Both clocks stand still; ``wait`` and ``advance`` move them, and nothing ever blocks."""

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self._elapsed = timedelta(0)
        self.waits: list[timedelta] = []
        """Every duration that was waited for, in order."""

    def now(self) -> datetime:
        return self._start + self._elapsed

    def monotonic(self) -> float:
        return self._elapsed.total_seconds()

    def wait(self, duration: timedelta) -> None:
        self.waits.append(duration)
        self.advance(duration)

    def advance(self, duration: timedelta) -> None:
        """Let time pass. Raises ValueError for a negative duration."""
        if duration < timedelta(0):
            raise ValueError("a clock does not go back")
        self._elapsed += duration
