"""Time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Wall time for people, monotonic time for deadlines."""

    def now(self) -> datetime:
        """The present moment, with zone (UTC)."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that never steps."""
        ...

    def wait(self, duration: timedelta) -> None:
        """Block for ``duration``."""
        ...
