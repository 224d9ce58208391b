"""A planted bug that runs in memory and real processes can have."""

from __future__ import annotations

from dataclasses import dataclass

from drp.engine.tasks import Absent, OnProgress, Outcome, Perform, Task


@dataclass(frozen=True, slots=True)
class BlindHands:
    """Never looks."""

    hands: Perform

    def __call__(self, task: Task, on_progress: OnProgress) -> Outcome:
        return Absent() if task.phase == "observe" else self.hands(task, on_progress)
