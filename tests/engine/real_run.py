"""A run in a process of its own: its world and its journal are on disk. ``DRP_FAULT`` kills it.

Usage: python tests/engine/real_run.py FOLDER SCENARIO [back], with the checkout as PYTHONPATH: as a file, so
that it does not load all that tests need.

SCENARIO is ``forward`` (ends done), ``back`` (fails at its last step and is rolled back), or a number: the
seed of a random one. Prints the outcome, or ``refused``. In FOLDER: ``run.db`` the journal, ``world`` every
change of the world in a line, ``points`` every fault point met.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from drp.engine.faults import Faults, load_faults
from drp.engine.fold import fold
from drp.engine.runner import Runner
from drp.engine.sqlite_journal import SqliteJournal
from drp.errors import RefusedError
from drp.model.plan import Plan
from drp.providers.clock import SystemClock
from drp.testing.blind import BlindHands
from drp.testing.blocks import Blocks, build_plan, build_scenario, build_step, draw_scenario
from drp.testing.crash import Scenario

REFUSED: Final = "refused"
_SOON: Final = timedelta(milliseconds=2)

BLIND: Final = "DRP_TEST_BLIND"
"""Set: the hands never look (a planted bug)."""

Note = Callable[..., None]


class Log:
    """A file of lines, each written at once: of what was written before a kill nothing is lost."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)

    def write(self, line: str) -> None:
        os.write(self._file, f"{line}\n".encode())

    def note(self, *words: str | int) -> None:
        self.write(json.dumps(words))


class NotedDict(dict[str, Any]):
    """Notes its changes under a name."""

    def __init__(self, name: str, before: dict[str, Any], note: Note) -> None:
        super().__init__(before)
        self.name, self.note = name, note

    def __setitem__(self, key: str, value: Any) -> None:
        self.note(self.name, "set", key, value)
        super().__setitem__(key, value)

    def setdefault(self, key: str, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return self[key]

    def pop(self, key: str, *default: Any) -> Any:
        self.note(self.name, "pop", key)
        return super().pop(key, *default)


class NotedSet(set[str]):
    """Notes what is added."""

    def __init__(self, before: set[str], note: Note) -> None:
        super().__init__(before)
        self.note = note

    def add(self, item: str) -> None:
        self.note("final", "add", item)
        super().add(item)


class NotedList(list[str]):
    """Notes what is appended."""

    def __init__(self, before: list[str], note: Note) -> None:
        super().__init__(before)
        self.note = note

    def append(self, item: str) -> None:
        self.note("complaints", "append", item)
        super().append(item)


def load_world(scenario: Scenario[Blocks], folder: Path) -> Blocks:
    """The world as it was left; as at the start when nothing has happened."""
    world, path = scenario.make_world(), folder / "world"
    for line in path.read_text().splitlines() if path.exists() else ():
        name, change, *words = json.loads(line)
        found = getattr(world, name)
        if change == "set":
            found[words[0]] = words[1]
        elif change == "pop":
            found.pop(words[0], None)
        else:
            getattr(found, change)(words[0])
    return world


def open_world(scenario: Scenario[Blocks], folder: Path) -> Blocks:
    """The world as it was left, every further change of which is written down."""
    world, note = load_world(scenario, folder), Log(folder / "world").note
    return replace(
        world,
        failed=NotedDict("failed", world.failed, note),
        final=NotedSet(world.final, note),
        laid=NotedDict("laid", world.laid, note),
        tries=NotedDict("tries", world.tries, note),
        complaints=NotedList(world.complaints, note),
    )


class NotedFaults:
    """Writes each point down before it is hit."""

    def __init__(self, faults: Faults, folder: Path) -> None:
        self.faults, self.log = faults, Log(folder / "points")

    def hit(self, point: str) -> None:
        self.log.write(point)
        self.faults.hit(point)


def find_scenario(name: str) -> Scenario[Blocks]:
    """The scenario of that name or seed, its attempts following each other without a pause."""
    if name.isdecimal():
        scenario = draw_scenario(int(name))
        steps = [replace(step, retry=replace(step.retry, wait=_SOON)) for step in scenario.plan.steps]
        return replace(scenario, plan=replace(scenario.plan, steps=tuple(steps)))
    fail = {"apply": -1} if name == "back" else {}
    last = build_step("d", "b", "c", fail=fail)
    return build_scenario(build_plan(build_step("a"), build_step("b", "a"), build_step("c", "a"), last))


def run(scenario: Scenario[Blocks], folder: Path, *, back: bool) -> str:
    """Begin the run, or go on with it by what its journal holds."""
    world = open_world(scenario, folder)
    journal, faults = SqliteJournal(folder / "run.db"), NotedFaults(load_faults(os.environ), folder)
    records = journal.read()
    plan: Plan = fold(records[:1]).plan if records else scenario.plan
    hands = scenario.perform(world, faults.hit)
    runner = Runner(
        plan,
        journal,
        BlindHands(hands) if os.environ.get(BLIND) else hands,
        clock=SystemClock(),
        actor="tester@here",
        in_flight=scenario.in_flight,
        faults=faults,
    )
    try:
        return runner.run(back=back).outcome
    except RefusedError:
        return REFUSED


if __name__ == "__main__":
    print(run(find_scenario(sys.argv[2]), Path(sys.argv[1]), back=sys.argv[3:] == ["back"]))
