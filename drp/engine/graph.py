"""Who needs or follows whom, by number: steps are counted in plan order, which is a topological one."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Sequence

from drp.errors import BugError
from drp.model.plan import Plan, Step

Edges = Sequence[Sequence[int]]


class Graph:
    """The edges of a plan: ``needs`` and ``dependents``, ``afters`` and ``followers`` (who wait for an end,
    however it comes). Raises BugError when a step named is unknown or does not come first."""

    def __init__(self, plan: Plan) -> None:
        self.index = {step.id: number for number, step in enumerate(plan.steps)}
        if len(self.index) != len(plan.steps):
            raise BugError(f"plan '{plan.run}' has two steps of one name")
        self.needs: list[list[int]] = []
        self.dependents: list[list[int]] = [[] for _ in plan.steps]
        self.afters: list[list[int]] = []
        self.followers: list[list[int]] = [[] for _ in plan.steps]
        for number, step in enumerate(plan.steps):
            self.needs.append(self._earlier(number, step, step.needs))
            for need in self.needs[number]:
                self.dependents[need].append(number)
            self.afters.append(self._earlier(number, step, step.after - step.needs))
            for other in self.afters[number]:
                self.followers[other].append(number)

    def _earlier(self, number: int, step: Step, names: Collection[str]) -> list[int]:
        found = sorted(self.index.get(name, number) for name in names)
        if any(other >= number for other in found):
            raise BugError(f"step '{step.id}' needs a step that does not come before it")
        return found

    def upstream(self, number: int) -> list[int]:
        """Everything the step needs, directly or not, in plan order."""
        seen: set[int] = set()
        open_ = list(self.needs[number])
        while open_:
            need = open_.pop()
            if need not in seen:
                seen.add(need)
                open_.extend(self.needs[need])
        return sorted(seen)


class Frontier:
    """The steps before which nothing stands any more, the most urgent first.

    Each step is told of once: it is settled (in nobody's way any more), or over (it will not be, and what
    needs it never comes). Who only waits for its end is freed by both. A step that needs one that is over
    is over itself as soon as nothing else stands before it: so "over" comes after everything before it has
    ended. Going back is the same on the reversed graph: there a step's dependents stand before it, and the
    last step of the plan is the most urgent.
    """

    def __init__(self, graph: Graph, *, back: bool) -> None:
        self._blocked: Edges = graph.needs if back else graph.dependents
        self._waiting: Edges = graph.afters if back else graph.followers
        hard, soft = (graph.dependents, graph.followers) if back else (graph.needs, graph.afters)
        self._sign = -1 if back else 1
        self._blockers = [len(hard[number]) + len(soft[number]) for number in range(len(hard))]
        self._queued = bytearray(len(hard))
        self._closed = bytearray(len(hard))
        self._doomed = bytearray(len(hard))
        self._heap: list[int] = []
        for number in range(len(hard)):
            self.push(number)

    def __bool__(self) -> bool:
        return bool(self._heap)

    def push(self, number: int) -> None:
        """Queue a step, unless something stands before it still, or it is queued or told of already."""
        if not (self._blockers[number] or self._queued[number] or self._closed[number]):
            self._queued[number] = 1
            heapq.heappush(self._heap, self._sign * number)

    def pop(self) -> int:
        number = self._sign * heapq.heappop(self._heap)
        self._queued[number] = 0
        return number

    def settle(self, number: int) -> None:
        """The step stands in nobody's way any more."""
        if not self._closed[number]:
            self._closed[number] = 1
            for freed in (*self._blocked[number], *self._waiting[number]):
                self._free(freed)

    def give_up(self, number: int) -> None:
        """The step will never be settled."""
        doomed = [number]
        while doomed:
            number = doomed.pop()
            self._doomed[number] = 1
            if self._closed[number] or self._blockers[number]:
                continue
            self._closed[number] = 1
            for blocked in self._blocked[number]:
                self._blockers[blocked] -= 1
            doomed.extend(self._blocked[number])
            for waiting in self._waiting[number]:
                self._free(waiting)

    def _free(self, number: int) -> None:
        self._blockers[number] -= 1
        if self._doomed[number]:
            self.give_up(number)
        else:
            self.push(number)
