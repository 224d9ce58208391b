"""How fast a step goes, from what it told so far. Pure but for its own memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

_INTERVAL_S: Final = 1.0
_SAMPLES: Final = 3
"""Below this many there is no estimate."""


@dataclass(slots=True)
class Pace:
    """Samples of one step: when and how much was done."""

    samples: list[tuple[datetime, int]] = field(default_factory=list)

    def take(self, now: datetime, done: int, total: int | None) -> bool:
        """Add a sample; False when the last one that was told is less than a second old (but the end is)."""
        is_end = total is not None and done >= total
        if self.samples and not is_end and (now - self.samples[-1][0]).total_seconds() < _INTERVAL_S:
            return False
        self.samples.append((now, done))
        return True

    def rate(self) -> float | None:
        """Units a second from first sample to last, or None when that cannot be told yet."""
        if len(self.samples) < _SAMPLES:
            return None
        (began, first), (now, last) = self.samples[0], self.samples[-1]
        seconds = (now - began).total_seconds()
        return (last - first) / seconds if seconds > 0 and last > first else None

    def eta_s(self, total: int | None) -> float | None:
        """Seconds that are left at this rate."""
        rate = self.rate()
        if rate is None or total is None:
            return None
        return max(total - self.samples[-1][1], 0) / rate
