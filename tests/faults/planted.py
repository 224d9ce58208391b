"""Seven bugs that an engine must not have, to be planted; the test that finds none must find these.

Each is a ``Machine``: the right parts with one replaced by a broken one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from drp.engine.bounds import Bounds
from drp.engine.graph import Frontier, Graph
from drp.engine.journal import Draft, MemoryJournal, Record, Stamp
from drp.engine.runner import Runner
from drp.engine.tasks import Absent, Done, OnProgress, Outcome, Perform, Present, Task
from drp.engine.workers import Message
from drp.errors import DrpError
from drp.model.values import JsonMap
from drp.testing.blind import BlindHands
from drp.testing.blocks import draw_scenario
from drp.testing.crash import Crasher, Machine, Scenario, SteppedWorkers, Tally
from tests.faults.stories import STORIES, build_scenario


@dataclass(frozen=True, slots=True)
class BelievingHands:
    """Looks into the journal instead of at the world: what was begun is taken as done."""

    hands: Perform
    begun: frozenset[str]

    def __call__(self, task: Task, on_progress: OnProgress) -> Outcome:
        if task.phase != "observe":
            return self.hands(task, on_progress)
        return Present() if task.step.id in self.begun else Absent()


def _blind(hands: Perform, stored: Sequence[bytes]) -> Perform:
    return BlindHands(hands)


def _believing(hands: Perform, stored: Sequence[bytes]) -> Perform:
    records = [Record.from_bytes(line) for line in stored]
    return BelievingHands(hands, frozenset(record.step for record in records if record.kind == "start"))


class HastyWorkers(SteppedWorkers):
    """Reports an effect as done one round before it has it; ``outputs`` of each step are known to it."""

    def __init__(self, *args: Any, outputs: Mapping[str, JsonMap], **others: Any) -> None:
        super().__init__(*args, **others)
        self.outputs = outputs
        self.owed: Task | None = None

    def wait(self, timeout: float | None) -> Sequence[Message]:
        if self.owed is not None:
            owed, self.owed = self.owed, None
            super().do(owed)
        return super().wait(timeout)

    def do(self, task: Task) -> Outcome:
        if task.phase != "apply" or self.owed is not None or task.step.id not in self.outputs:
            return super().do(task)
        self.owed = task
        return Done(self.outputs[task.step.id])


class ForwardUndo(Graph):
    """Takes back what was done first, first."""

    def __init__(self, runner: Runner) -> None:
        super().__init__(runner.scheduler.state.plan)
        self.runner = runner
        self.right = Graph(runner.scheduler.state.plan)

    def __getattribute__(self, name: str) -> Any:
        if name in ("needs", "dependents"):
            right = object.__getattribute__(self, "__dict__").get("right")
            if right is not None and self.runner.scheduler.state.back:
                return right.needs if name == "dependents" else right.dependents
        if name in ("afters", "followers"):
            right = object.__getattribute__(self, "__dict__").get("right")
            if right is not None and self.runner.scheduler.state.back:
                return right.followers if name == "afters" else right.afters
        return object.__getattribute__(self, name)

    def upstream(self, number: int) -> list[int]:
        return self.right.upstream(number)


class ForgetfulJournal(MemoryJournal):
    """Keeps a START in memory until something else is written."""

    def __init__(self, stored: list[bytes]) -> None:
        super().__init__(stored)
        self.late: list[Draft] = []

    def append(self, drafts: Sequence[Draft], stamp: Stamp) -> list[Record]:
        due = [*self.late, *(draft for draft in drafts if draft.kind != "start")]
        self.late = [draft for draft in drafts if draft.kind == "start"]
        return super().append(due, stamp) if due else []


def _swap_graph(runner: Runner) -> None:
    runner.scheduler._graph = ForwardUndo(runner)


def _wait_for_nobody(runner: Runner) -> None:
    scheduler = runner.scheduler
    scheduler._graph.afters = [[] for _ in runner.scheduler.state.plan.steps]
    scheduler._frontier = Frontier(scheduler._graph, back=scheduler.state.back)


class LaxBounds(Bounds):
    """Goes on in a scope that has failed."""

    def allow(self, number: int) -> bool:
        return self._is_within(number)


def _swap_bounds(runner: Runner) -> None:
    scheduler = runner.scheduler
    scheduler._bounds = LaxBounds(scheduler.state, scheduler._graph)


def _plant_haste(scenario: Scenario[Any]) -> Machine:
    """The outputs are those of a run in peace; a step that failed there is never hasty."""
    return Machine(workers=partial(HastyWorkers, outputs=Crasher(scenario).outputs))


@dataclass(frozen=True, slots=True)
class Planted:
    """A bug: the machine that has it, for a scenario, and where a cut lets it show soonest: the points
    (a beginning of their names) and a runbook's story (None: no runbook has what it breaks)."""

    plant: Callable[[Scenario[Any]], Machine]
    shows: str
    story: str | None = "migrate, failing"

    def find_in_story(self, *, seed: int, sample: int) -> Tally:
        """What a few cuts of its story find. Raises KeyError where it has none."""
        if self.story is None:
            raise KeyError("no runbook has what this bug breaks")
        ends = STORIES[self.story].ends
        return self.find(build_scenario(self.story), seed=seed, ends=ends, sample=sample)

    def find_in_graph(self, seed: int, *, sample: int) -> Tally:
        """What a few cuts of a random graph find."""
        scenario = draw_scenario(seed)
        ends = Crasher(scenario, seed=seed).outcome
        return self.find(scenario, seed=seed, ends=ends, sample=sample)

    def find(self, scenario: Scenario[Any], *, seed: int, ends: str | None, sample: int) -> Tally:
        """What a few cuts find; ``ends`` is how the right engine ends."""
        try:
            crasher = Crasher(scenario, seed=seed, machine=self.plant(scenario))
        except DrpError as error:
            return Tally(findings=[f"in peace: {error}"])
        if crasher.outcome != ends:
            crasher.tally.findings.append(f"in peace it ends {crasher.outcome}, expected {ends}")
        telling = [at for at, point in enumerate(crasher.points, 1) if point.startswith(self.shows)]
        chosen = random.Random(seed).sample(telling, min(sample, len(telling)))
        return crasher.crash_everywhere(places=sorted(chosen))


PLANTED: Final[Mapping[str, Planted]] = {
    "no observe": Planted(lambda scenario: Machine(hands=_blind), "after-effect"),
    "observe that trusts the journal": Planted(lambda scenario: Machine(hands=_believing), "after-start"),
    "end recorded before the effect": Planted(_plant_haste, "after-end", "migrate"),
    "undo in forward order": Planted(lambda scenario: Machine(tamper=_swap_graph), "undo"),
    "after not waited for": Planted(lambda scenario: Machine(tamper=_wait_for_nobody), "", None),
    "work in quarantine": Planted(lambda scenario: Machine(tamper=_swap_bounds), "", None),
    "lost start": Planted(lambda scenario: Machine(journal=ForgetfulJournal), "before-done"),
}
