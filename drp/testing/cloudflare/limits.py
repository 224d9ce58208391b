"""What the service takes from an account: so many calls in a window, and none for a while after one more."""

from __future__ import annotations

import threading
from typing import Final

from drp.ports.clock import Clock

LOCK_S: Final = 300.0


class Limits:
    """``calls`` in ``window`` seconds. Too many: none is taken for five minutes, however many are tried."""

    def __init__(self, clock: Clock, *, calls: int = 1200, window: float = 300.0) -> None:
        self.calls = calls
        self.refused = 0
        """Calls that met the lock, the one that closed it included."""
        self._clock = clock
        self._window = window
        self._taken: list[float] = []
        self._locked_until = 0.0
        self._lock = threading.Lock()

    def count(self) -> float:
        """One call more: 0 when it is taken, else the seconds to stay away."""
        with self._lock:
            now = self._clock.monotonic()
            self._taken = [moment for moment in self._taken if moment > now - self._window]
            if now >= self._locked_until and len(self._taken) >= self.calls:
                self._locked_until = now + LOCK_S
            if now < self._locked_until:
                self.refused += 1
                return self._locked_until - now
            self._taken.append(now)
            return 0.0

    def spend(self, calls: int) -> None:
        """Somebody else uses the account."""
        for _ in range(calls):
            self.count()

    def header(self) -> str:
        """What is left, as the service tells it."""
        with self._lock:
            rest = max(0, self.calls - len(self._taken))
            return f'"default";r={rest};t={int(self._window)}'
