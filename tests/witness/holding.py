"""A run under a lease in a process of its own; its blocks are files, its witness is a folder.

Usage: python -m tests.witness.holding FOLDER NAME
"""

from __future__ import annotations

import sys
import time
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from drp.commands.copying import Confirmation, CopyHook, catch_up
from drp.commands.journals import recall, restore
from drp.engine.journal import Stamp
from drp.engine.runner import Runner
from drp.engine.sqlite_journal import SqliteJournal
from drp.engine.tasks import Absent, Done, OnProgress, Outcome, Present, Task
from drp.providers.clock import SystemClock
from drp.testing.blocks import build_plan, build_step
from drp.witness.journal_copy import JournalCopy
from drp.witness.keeper import LeaseKeeper
from drp.witness.leases import Leases
from drp.witness.machine import build_holder, is_alive
from tests.witness.folder_store import FolderObjects

TERM: Final = timedelta(seconds=1.5)
LOOKS_LONG: Final = "b3"
"""While this one is looked at there is time to stop the process."""

PLAN: Final = replace(
    build_plan(*(build_step(f"b{n}", *([f"b{n - 1}"] if n else []), final=n == 5) for n in range(7))),
    run="run-1",
)


class Files:
    """A block is a file with one line for each time it was laid, and by whom."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name

    def __call__(self, task: Task, on_progress: OnProgress) -> Outcome:
        path = self._folder / task.step.id
        if task.phase == "observe":
            if task.step.id == LOOKS_LONG:
                (self._folder / f"{self._name}.looks").touch()
                time.sleep(0.5)
            return Present() if path.exists() else Absent()
        with path.open("a") as file:
            file.write(f"{self._name}\n")
        return Done()


def hold_and_run(folder: Path, name: str) -> str:
    """Take the lease (waiting for it to expire), go on with what the witness knows; the outcome."""
    store, clock = FolderObjects(folder / "witness"), SystemClock()
    leases = Leases(store, clock, is_alive=is_alive)
    lease = leases.acquire("acme", build_holder(name, PLAN.run, "migrate", started="now", term=TERM))
    keeper = LeaseKeeper(leases, lease, clock)
    keeper.start()
    path = folder / name / "run-1.journal"
    path.parent.mkdir()
    stamp = Stamp(time=clock.now(), actor=name, epoch=lease.number)
    memory = recall(path, store, PLAN.run)
    if memory.records:
        restore(path, memory, drafts=[], stamp=stamp)
    copied = JournalCopy(store, PLAN.run, lease=lambda: keeper.lease.number)
    hook = CopyHook(copied, clock, PLAN, begin=lambda: None)
    with closing(SqliteJournal(path, copy=hook)) as journal:
        catch_up(copied, PLAN.run, journal.read())
        copied.start()
        runner = Runner(
            PLAN,
            journal,
            Files(folder / "blocks", name),
            clock=clock,
            actor=name,
            epoch=lambda: keeper.lease.number,
            may_continue=keeper.may_continue,
            confirm=Confirmation(PLAN, clock, keeper.confirm),
        )
        outcome = runner.run().outcome
        copied.stop()
    keeper.stop(release=outcome != "unknown")
    return outcome


if __name__ == "__main__":
    print(hold_and_run(Path(sys.argv[1]), sys.argv[2]))
