"""Who is out: tasks with their deadlines, tokens of pools, and workers that were given up."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field

from drp.engine.tasks import Task
from drp.errors import BugError
from drp.model.plan import Plan


class Pools:
    """Tokens. A step takes all it wants at once or none; who finds too few is parked until some come back."""

    def __init__(self, plan: Plan) -> None:
        self._free = dict(plan.limits)
        self._parked: dict[str, list[int]] = {}
        for step in plan.steps:
            for pool, count in step.pools.items():
                if count > self._free.get(pool, 0):
                    raise BugError(f"step '{step.id}' wants {count} of pool '{pool}', which has fewer")

    def take(self, number: int, wanted: Mapping[str, int]) -> bool:
        """Take the tokens, or park the step at the first pool that has too few."""
        for pool, count in wanted.items():
            if self._free[pool] < count:
                self._parked.setdefault(pool, []).append(number)
                return False
        for pool, count in wanted.items():
            self._free[pool] -= count
        return True

    def give(self, held: Mapping[str, int]) -> list[int]:
        """Put tokens back; the steps that were parked at these pools."""
        freed: list[int] = []
        for pool, count in held.items():
            self._free[pool] += count
            freed.extend(self._parked.pop(pool, ()))
        return freed


class Timers:
    """Step numbers that are due at some moment, one moment each."""

    def __init__(self) -> None:
        self._moments: dict[int, float] = {}
        self._heap: list[tuple[float, int]] = []

    def __bool__(self) -> bool:
        return bool(self._moments)

    def add(self, at: float, number: int) -> None:
        self._moments[number] = at
        heapq.heappush(self._heap, (at, number))

    def drop(self, number: int) -> None:
        self._moments.pop(number, None)

    def due(self, now: float) -> list[int]:
        """Take those whose moment has come."""
        found: list[int] = []
        while (at := self.next()) is not None and at <= now:
            number = heapq.heappop(self._heap)[1]
            del self._moments[number]
            found.append(number)
        return found

    def next(self) -> float | None:
        while self._heap and self._moments.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def clear(self) -> None:
        self._moments.clear()


@dataclass(slots=True)
class Flight:
    """Tasks in flight by step number. ``abandoned``: given-up appliers and undoers that may still act."""

    capacity: int
    out: dict[int, Task] = field(default_factory=dict)
    abandoned: dict[int, Task] = field(default_factory=dict)
    _deadlines: list[tuple[float, int, int]] = field(default_factory=list)
    _serials: dict[int, int] = field(default_factory=dict)
    _counter: itertools.count[int] = field(default_factory=itertools.count)

    @property
    def is_full(self) -> bool:
        return len(self.out) >= self.capacity

    def launch(self, number: int, task: Task, deadline: float) -> None:
        serial = next(self._counter)
        self.out[number], self._serials[number] = task, serial
        heapq.heappush(self._deadlines, (deadline, serial, number))

    def land(self, number: int, task: Task) -> bool:
        """Whether the task was awaited. A task given up earlier is struck off the abandoned instead."""
        if _same(self.out.get(number), task):
            del self.out[number]
            return True
        if _same(self.abandoned.get(number), task):
            del self.abandoned[number]
        return False

    def overdue(self, now: float) -> list[int]:
        """Numbers of the steps whose task is out beyond its deadline; each is told once."""
        found: list[int] = []
        while self._deadlines and self._deadlines[0][0] <= now:
            _, serial, number = heapq.heappop(self._deadlines)
            if number in self.out and self._serials[number] == serial:
                found.append(number)
        return found

    def next_deadline(self) -> float | None:
        while self._deadlines:
            at, serial, number = self._deadlines[0]
            if number in self.out and self._serials[number] == serial:
                return at
            heapq.heappop(self._deadlines)
        return None


def _same(expected: Task | None, task: Task) -> bool:
    return (
        expected is not None
        and expected.step.id == task.step.id
        and (expected.phase, expected.attempt) == (task.phase, task.attempt)
    )
