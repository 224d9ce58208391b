"""A run in a process of its own: blocks are files, the journal is on disk. ``DRP_FAULT`` kills it.

Usage: python real_run.py FOLDER SCENARIO
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from drp.engine.faults import load_faults
from drp.engine.runner import Runner
from drp.engine.sqlite_journal import SqliteJournal
from drp.engine.tasks import Absent, Done, OnProgress, Outcome, Present, Task
from drp.errors import RejectedError
from drp.model.plan import Plan
from drp.providers.clock import SystemClock
from drp.testing.blocks import build_plan, build_step


class Files:
    """A block is a file with one line for each time it was laid; an empty one was only begun."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, task: Task, on_progress: OnProgress) -> Outcome:
        path = self.folder / task.step.id
        match task.phase:
            case "observe":
                return Present() if path.exists() and path.read_text() else Absent()
            case "apply":
                if task.step.params["fail"]:
                    raise RejectedError(f"cannot lay '{task.step.id}': as ordered")
                with path.open("a") as file:
                    file.write(f"laid by {task.step.id}\n")
                return Done()
            case "undo":
                path.unlink(missing_ok=True)
                return Done()


def plan_of(scenario: str) -> Plan:
    """``forward`` ends done, ``back`` fails at its last step and is rolled back."""
    return build_plan(
        build_step("a"),
        build_step("b", "a"),
        build_step("c", "a"),
        build_step("d", "b", "c", fail={"apply": -1} if scenario == "back" else {}),
    )


def main(folder: str, scenario: str) -> None:
    blocks = Path(folder, "blocks")
    blocks.mkdir(exist_ok=True)
    journal = SqliteJournal(Path(folder, "run.db"))
    runner = Runner(
        plan_of(scenario),
        journal,
        Files(blocks),
        clock=SystemClock(),
        actor="tester",
        faults=load_faults(os.environ),
    )
    print(runner.run().outcome)


if __name__ == "__main__":
    main(*sys.argv[1:])
