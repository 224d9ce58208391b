"""Who needs whom, by number: steps are counted in plan order, which is a topological one."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from drp.errors import BugError
from drp.model.plan import Plan

Edges = Sequence[Sequence[int]]


class Graph:
    """The edges of a plan. Raises BugError when a need is unknown or does not come first."""

    def __init__(self, plan: Plan) -> None:
        self.index = {step.id: number for number, step in enumerate(plan.steps)}
        if len(self.index) != len(plan.steps):
            raise BugError(f"plan '{plan.run}' has two steps of one name")
        self.needs: list[list[int]] = []
        self.dependents: list[list[int]] = [[] for _ in plan.steps]
        for number, step in enumerate(plan.steps):
            needs = sorted(self.index.get(need, number) for need in step.needs)
            if any(need >= number for need in needs):
                raise BugError(f"step '{step.id}' needs a step that does not come before it")
            self.needs.append(needs)
            for need in needs:
                self.dependents[need].append(number)

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

    Going back is the same on the reversed graph: there a step's dependents stand before it, and the
    last step of the plan is the most urgent.
    """

    def __init__(self, graph: Graph, *, back: bool) -> None:
        blockers: Edges = graph.dependents if back else graph.needs
        self._blocked: Edges = graph.needs if back else graph.dependents
        self._sign = -1 if back else 1
        self._blockers = [len(found) for found in blockers]
        self._queued = bytearray(len(self._blockers))
        self._settled = bytearray(len(self._blockers))
        self._heap: list[int] = []
        for number in range(len(self._blockers)):
            self.push(number)

    def __bool__(self) -> bool:
        return bool(self._heap)

    def push(self, number: int) -> None:
        """Queue a step, unless something stands before it still, or it is queued or settled already."""
        if not (self._blockers[number] or self._queued[number] or self._settled[number]):
            self._queued[number] = 1
            heapq.heappush(self._heap, self._sign * number)

    def pop(self) -> int:
        number = self._sign * heapq.heappop(self._heap)
        self._queued[number] = 0
        return number

    def settle(self, number: int) -> None:
        """The step stands in nobody's way any more."""
        if self._settled[number]:
            return
        self._settled[number] = 1
        for blocked in self._blocked[number]:
            self._blockers[blocked] -= 1
            self.push(blocked)
