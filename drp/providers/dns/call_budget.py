"""How many calls an account may make: counted here, so that the other side never has to lock us out."""

from __future__ import annotations

import hashlib
import re
import threading
from collections import deque
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from drp.errors import RateLimitedError
from drp.ports.clock import Clock

CALLS: Final = 1200
WINDOW_S: Final = 300.0
LOCK_S: Final = 300.0
"""For how long Cloudflare refuses every call of an account that made too many."""

_RESERVE: Final = 0.1
"""Part of the calls that looks must leave for changes: the way back is one."""
_REST: Final = re.compile(r"\br=(\d+)\b.*?\bt=(\d+)\b")


class CallBudget:
    """A bucket of tokens, one a call, each back in it ``window`` seconds after it was taken.

    So no window of that length holds more calls than allowed, wherever it begins. Shared by all threads.
    """

    def __init__(
        self, clock: Clock, *, calls: int = CALLS, window: float = WINDOW_S, timezone: str = "UTC"
    ) -> None:
        """``timezone`` is that in which errors tell the time."""
        self._clock = clock
        self._calls = calls
        self._window = window
        self._zone = ZoneInfo(timezone)
        self._taken: deque[float] = deque()
        self._others = 0
        self._others_until = 0.0
        self._locked_until = 0.0
        self._lock = threading.Lock()

    def take(self, what: str, *, change: bool) -> None:
        """A token for one call. Raises RateLimitedError, begun by ``what``, when there is none."""
        with self._lock:
            now = self._clock.monotonic()
            if now < self._locked_until:
                raise self._refuse(what, "Cloudflare takes no call", self._locked_until - now)
            while self._taken and self._taken[0] <= now - self._window:
                self._taken.popleft()
            left = self._left(now) - (0 if change else int(self._calls * _RESERVE))
            if left <= 0:
                raise self._refuse(what, f"{self._calls} calls are made, there is none", self._wait(now))
            self._taken.append(now)

    def lock(self, seconds: float | None) -> float:
        """The other side takes no call for so long (None: it did not say). Seconds that are left."""
        with self._lock:
            now = self._clock.monotonic()
            self._locked_until = max(self._locked_until, now + (LOCK_S if seconds is None else seconds))
            return self._locked_until - now

    def learn(self, header: str) -> None:
        """What the other side says is left, as ``"default";r=50;t=30``: others may use the account too."""
        if (found := _REST.search(header)) is None:
            return
        rest, seconds = (int(number) for number in found.groups())
        with self._lock:
            now = self._clock.monotonic()
            others = max(0, self._calls - len(self._taken) - rest)
            if others >= self._others or now >= self._others_until:
                self._others, self._others_until = others, now + seconds

    def locked(self, what: str, seconds: float) -> RateLimitedError:
        """The error for a call that met the lock."""
        return self._refuse(what, "Cloudflare takes no call", seconds)

    def _left(self, now: float) -> int:
        others = self._others if now < self._others_until else 0
        return self._calls - len(self._taken) - others

    def _wait(self, now: float) -> float:
        ends = [self._taken[0] + self._window] if self._taken else []
        ends += [self._others_until] if now < self._others_until else []
        return min(ends, default=now + self._window) - now

    def _refuse(self, what: str, cause: str, seconds: float) -> RateLimitedError:
        until = (self._clock.now() + timedelta(seconds=seconds)).astimezone(self._zone)
        return RateLimitedError(
            f"{what}: {cause} until {until:%H:%M:%S %Z}", retry_after=seconds, page="rate-limited"
        )


_SHARED: dict[str, CallBudget] = {}
_SHARED_LOCK = threading.Lock()


def shared_budget(token: str, clock: Clock, *, timezone: str) -> CallBudget:
    """The budget of the token's account, the same for all who ask in this process."""
    key = hashlib.sha256(token.encode()).hexdigest()
    with _SHARED_LOCK:
        return _SHARED.setdefault(key, CallBudget(clock, timezone=timezone))
