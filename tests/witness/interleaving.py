"""A clock and a store that let others act in between, to play two machines in one thread."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from drp.testing.clock import START, ManualClock
from drp.testing.objects import FakeObjects

Act = Callable[[], object]


def nothing() -> None:
    """Nobody acts."""


def ignore(method: str) -> None:
    """Nobody acts."""


class SharedTime:
    """The time that goes by for all machines; nobody reads it directly."""

    def __init__(self) -> None:
        self.seconds = 0.0


class MachineClock:
    """One machine's clocks: same pace as the others (times ``rate``), own zero, own idea of the date."""

    def __init__(
        self, time: SharedTime, *, zero: float = 0.0, now: datetime = START, rate: float = 1.0
    ) -> None:
        self._time = time
        self._zero = zero
        self._now = now
        self._rate = rate
        self.on_wait: Act = nothing

    def monotonic(self) -> float:
        return self._zero + self._time.seconds * self._rate

    def now(self) -> datetime:
        return self._now + timedelta(seconds=self._time.seconds)

    def wait(self, duration: timedelta) -> None:
        self._time.seconds += duration.total_seconds() / self._rate
        self.on_wait()


class ActingClock(ManualClock):
    """Runs one act after each wait, as long as there are any."""

    def __init__(self, *acts: Act) -> None:
        super().__init__()
        self.acts = list(acts)

    def wait(self, duration: timedelta) -> None:
        super().wait(duration)
        if self.acts:
            self.acts.pop(0)()


class InterleavedObjects(FakeObjects):
    """Calls ``before`` with the method's name before each operation reaches the store."""

    def __init__(self, content: dict[str, bytes]) -> None:
        super().__init__(content)
        self.before: Callable[[str], None] = ignore

    def find(self, key: str) -> bytes | None:
        self.before("find")
        return super().find(key)

    def list(self, prefix: str) -> list[str]:
        self.before("list")
        return super().list(prefix)

    def put_once(self, key: str, content: bytes) -> None:
        self.before("put_once")
        super().put_once(key, content)
