"""A runner with all its parts at hand, its world a script."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import TypedDict, Unpack

from drp.engine.events import Event
from drp.engine.faults import Faults
from drp.engine.journal import Journal, MemoryJournal
from drp.engine.runner import Runner
from drp.engine.tasks import Absent, Done, OnProgress, Outcome, Task
from drp.engine.workers import Workers
from drp.model.plan import Plan
from drp.testing.clock import ManualClock
from drp.testing.crash import Countdown, SteppedWorkers

Script = dict[str, Callable[[Task], Outcome]]


class Hands:
    """Does what the script says for ``PHASE STEP``; else looking finds nothing and doing succeeds."""

    def __init__(self, script: Script | None = None) -> None:
        self.script = script or {}
        self.done: list[str] = []
        self.progress: OnProgress = lambda data: None

    def __call__(self, task: Task, on_progress: OnProgress) -> Outcome:
        self.progress = on_progress
        key = f"{task.phase} {task.step.id}"
        self.done.append(key)
        default: Outcome = Absent() if task.phase == "observe" else Done({"from": task.step.id})
        return self.script[key](task) if key in self.script else default


class Options(TypedDict, total=False):
    """What a runner can be given besides its parts."""

    epoch: Callable[[], int]
    answers: Mapping[str, str]
    may_continue: Callable[[], bool]
    regain: Callable[[], bool]
    patience: float
    in_flight: int
    faults: Faults
    workers: Workers


class Rig:
    """A runner with all its parts at hand."""

    def __init__(
        self,
        plan: Plan,
        script: Script | None = None,
        *,
        journal: Journal | None = None,
        stepped: bool = False,
        **options: Unpack[Options],
    ) -> None:
        self.plan, self.hands, self.clock = plan, Hands(script), ManualClock()
        self.journal = journal or MemoryJournal()
        self.events: list[Event] = []
        if stepped:
            chance = random.Random(1)
            options["workers"] = SteppedWorkers(self.hands, Countdown(), chance=chance, clock=self.clock)
        self.runner = Runner(
            plan,
            self.journal,
            self.hands,
            clock=self.clock,
            actor="ops@h1",
            sink=self.events.append,
            **options,
        )

    def kinds(self) -> list[str]:
        return [f"{record.kind} {record.step}".strip() for record in self.journal.read()]

    def told(self) -> list[str]:
        return [f"{event.kind} {event.name} {event.status}".strip() for event in self.events]
