"""The machine's own clocks."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class SystemClock:
    """``ports.clock.Clock`` of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, duration: timedelta) -> None:
        time.sleep(max(0.0, duration.total_seconds()))
