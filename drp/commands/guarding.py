"""A plan is carried out only in the world it was made for, and this is looked at again before each change.

Each step compares what it is about to change with what the plan says is there; before a final step this is
done for all others of its tenant too, because from there on there is no way back.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from drp.actions.action import ReadPorts
from drp.actions.catalogue import find_moved
from drp.engine.tasks import OBSERVE, OnProgress, Outcome, Perform, Present, Task
from drp.errors import DrpError, RefusedError
from drp.model.plan import Plan, Step, canonical

_NEW_STORE = "volume.create"
"""A new instance never takes over data that somebody else has put under its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Stands before the hands of one run. ``world`` names what its plan rests on, ``seen`` is what was seen
    of each step when it was made."""

    perform: Perform
    ports: ReadPorts
    plan: Plan
    world: str
    seen: dict[str, str]

    def __call__(self, task: Task, progress: OnProgress) -> Outcome:
        outcome = self.perform(task, progress)
        if task.phase == OBSERVE:
            self._check(task, outcome)
        return outcome

    def _check(self, task: Task, outcome: Outcome) -> None:
        """Raises RefusedError: looking comes right before the step begins, so it has not begun then."""
        step = task.step
        if isinstance(outcome, Present):
            if step.action == _NEW_STORE and task.attempt == 1 and self.seen.get(step.id) == "would":
                self._refuse(f"{step.id} is there, planned absent")
            return
        moved = find_moved(self.ports, step)
        if not moved and step.final:
            moved = next((found for other in self._others(step.scope) if (found := self._look(other))), "")
        if moved:
            self._refuse(moved)

    def _others(self, scope: str) -> list[Step]:
        """Whatever else is changed for that tenant; not what is changed twice: it has two olds."""
        names = Counter(map(_thing, self.plan.steps))
        return [step for step in self.plan.steps if step.scope == scope and names[_thing(step)] == 1]

    def _look(self, step: Step) -> str:
        try:
            return find_moved(self.ports, step)
        except DrpError:
            # What cannot be seen now is that step's own affair.
            return ""

    def _refuse(self, moved: str) -> None:
        raise RefusedError(
            f"cannot apply plan '{self.world}': {moved}",
            hint="See what else has changed with `drp status`, then plan anew.",
            page="A9",
        )


def _thing(step: Step) -> tuple[str, ...]:
    """What a step changes, as far as its parameters name it."""
    return (step.action, *(str(step.params.get(key)) for key in ("host", "name", "type")))


def guard(perform: Perform, ports: ReadPorts, plan: Plan, header: object) -> Perform:
    """The hands of a run behind its guard; ``header`` is that of the run."""
    found = header if isinstance(header, dict) else {}
    seen = found.get("seen")
    return Guard(
        perform=perform,
        ports=ports,
        plan=plan,
        world=str(found.get("world", canonical(plan.run).decode())),
        seen=seen if isinstance(seen, dict) else {},
    )
