"""What may begin, going forward: failures, a cancel and a limited session each keep some steps from it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from drp.engine.fold import RunState
from drp.engine.graph import Graph


class Bounds:
    """The bounds of one session of a run; a cancel narrows them, only a new session widens them."""

    def __init__(self, state: RunState, graph: Graph) -> None:
        self._state = state
        self._graph = graph
        self._steps = state.plan.steps
        self._members: dict[str, list[int]] = {}
        for number, step in enumerate(self._steps):
            self._members.setdefault(step.scope, []).append(number)
        self._allowed: frozenset[int] | None = None

    def allow(self, number: int) -> bool:
        """Whether the step may begin, or be tried again, as far as failures, cancel and session go."""
        return self._is_within(number) and not self._state.is_halted(self._steps[number].scope)

    def cancel(self) -> None:
        """From now on only what must not be left half-way.

        A question is asked because what follows hurts until the final step is done: once a stage with a
        question or a final step is entered, all such stages are gone through. This holds for each scope.
        """
        marked = {(step.stage, step.scope) for step in self._steps if step.final or step.approval}
        inside: dict[str, list[int]] = {}
        for number, step in enumerate(self._steps):
            if (step.stage, step.scope) in marked:
                inside.setdefault(step.scope, []).append(number)
        entered = [each for each in inside.values() if any(map(self._has_begun, each))]
        kept = [number for each in entered for number in each]
        self._allowed = frozenset(kept).union(*map(self._graph.upstream, kept))

    def over(self, out: Collection[int], among: Iterable[int] | None = None) -> Iterator[int]:
        """Steps that will not begin any more, when those of ``out`` are in flight.

        A halted scope is over when none of it is in flight: until then its final step may be found done.
        """
        busy = {self._steps[number].scope for number in out}
        for number in range(len(self._steps)) if among is None else among:
            if number not in out and not self._holds(number) and self._is_over(number, busy):
                yield number

    def over_with(self, number: int, out: Collection[int]) -> Iterator[int]:
        """Those that will not begin any more now that this one is back."""
        scope = self._steps[number].scope
        return self.over(out, self._members[scope] if self._state.is_halted(scope) else (number,))

    def _is_over(self, number: int, busy: Collection[str]) -> bool:
        scope = self._steps[number].scope
        is_left = self._state.plan.on_failure == "quarantine" and self._state.is_halted(scope)
        return not self._is_within(number) or (is_left and scope not in busy)

    def _is_within(self, number: int) -> bool:
        step, only = self._steps[number], self._state.only
        if self._state.steps[step.id].status == "failed":
            return False
        return (self._allowed is None or number in self._allowed) and (only is None or step.scope in only)

    def _holds(self, number: int) -> bool:
        return self._state.steps[self._steps[number].id].holds

    def _has_begun(self, number: int) -> bool:
        return self._state.steps[self._steps[number].id].begun
