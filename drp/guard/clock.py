"""Two clocks of a host: one that only runs, and the one that the edge compares with."""

from __future__ import annotations

import time
from typing import Protocol


class GuardClock(Protocol):
    """Seconds. ``running`` goes on in suspend and is never set; ``wall`` may be set by anybody."""

    def running(self) -> float: ...

    def wall(self) -> float: ...


class HostClock:
    def running(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def wall(self) -> float:
        return time.time()
