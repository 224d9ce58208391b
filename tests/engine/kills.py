"""Kills real processes at every point, and compares what they leave, as ``drp.testing.crash`` in memory."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from drp.engine.sqlite_journal import SqliteJournal
from drp.testing.blocks import Blocks, can_be_undone
from drp.testing.crash import Scenario, Tally
from tests.engine.real_run import BLIND, REFUSED, find_scenario, load_world

_ROOT: Final = Path(__file__).parents[2]
_PROGRAM: Final = Path(__file__).with_name("real_run.py")


@dataclass(frozen=True, slots=True)
class Life:
    """One process: how its run ended (None: it was killed), and the points it met."""

    outcome: str | None
    points: list[str]


def live(folder: Path, scenario: str, *, fault: str = "", back: bool = False, blind: bool = False) -> Life:
    """A process that begins, goes on with or takes back the run in ``folder``.

    Raises RuntimeError when it ends in no orderly way.
    """
    before = len(_read_points(folder))
    done = subprocess.run(
        [sys.executable, str(_PROGRAM), str(folder), scenario, *(["back"] if back else [])],
        env={**os.environ, "PYTHONPATH": str(_ROOT), "DRP_FAULT": fault, BLIND: "yes" if blind else ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    points = _read_points(folder)[before:]
    if done.returncode == -signal.SIGKILL:
        return Life(None, points)
    if done.returncode:
        raise RuntimeError(f"the process ended with {done.returncode}: {done.stderr[-1000:]}")
    return Life(done.stdout.strip(), points)


def _read_points(folder: Path) -> list[str]:
    path = folder / "points"
    return path.read_text().splitlines() if path.exists() else []


def count_records(folder: Path) -> int:
    """Length of the journal that lies there."""
    return len(SqliteJournal(folder / "run.db").read())


class Killer:
    """Kills the processes of one scenario (its name or seed), in folders within ``folder``.

    ``blind``: its processes never look (a planted bug).
    """

    def __init__(self, name: str, folder: Path, *, blind: bool = False) -> None:
        self.name, self._folder, self._blind = name, folder, blind
        self.scenario: Scenario[Blocks] = find_scenario(self.name)
        self._stories = 0
        self.tally = Tally()
        peace = self._begin()
        self._start = self._dump(peace)
        life = live(peace, self.name, blind=self._blind)
        self.outcome, self._world, self.points = life.outcome, self._dump(peace), life.points
        self.tally.points = len(self.points)
        self._complain(peace, ["in peace"])
        shutil.rmtree(peace)

    def kill_at(self, at: int, *, depth: int = 2) -> None:
        """Kill the run at its ``at``-th point, then ``depth - 1`` times while it is gone on with."""
        folder, trail, chance = self._begin(), list[str](), random.Random(f"{self.name} at {at}")
        for cut in [at, *(chance.randint(1, len(self.points)) for _ in range(depth - 1))]:
            if not self._kill(folder, trail, cut):
                break
        last = live(folder, self.name, blind=self._blind)
        self._compare(trail, "outcome", last.outcome, self.outcome)
        self._compare(trail, "world", self._dump(folder), self._world)
        self._check_rest(folder, trail, last)

    def take_back_at(self, at: int) -> None:
        """Kill the run at its ``at``-th point, take it back and kill that too."""
        folder, trail, chance = self._begin(), list[str](), random.Random(f"{self.name} back at {at}")
        self._kill(folder, trail, at)
        before = (count_records(folder), self._dump(folder))
        self._kill(folder, trail, chance.randint(1, max(12, at * 2 // 3)), back=True)
        last = live(folder, self.name, back=True, blind=self._blind)
        if last.outcome == REFUSED:
            self._compare([*trail, REFUSED], "world", (count_records(folder), self._dump(folder)), before)
            shutil.rmtree(folder)
            return
        self._compare([*trail, "taken back"], "outcome", last.outcome, "rolled-back")
        self._compare([*trail, "taken back"], "world", self._dump(folder), self._start)
        self._check_rest(folder, trail, last)

    # -- one story each

    def _begin(self) -> Path:
        self._stories += 1
        folder = self._folder / f"{self.name}-{self._stories}"
        folder.mkdir(parents=True)
        return folder

    def _kill(self, folder: Path, trail: list[str], at: int, *, back: bool = False) -> bool:
        life = live(folder, self.name, fault=f"*#{at}", back=back, blind=self._blind)
        if life.outcome is None:
            self.tally.crashes += 1
            trail.append(life.points[-1])
        return life.outcome is None

    def _check_rest(self, folder: Path, trail: list[str], last: Life) -> None:
        """What was seen on the way, and that there is nothing left to do."""
        self._complain(folder, trail)
        size = count_records(folder)
        again = live(folder, self.name, blind=self._blind)
        found = (again.outcome, again.points, count_records(folder))
        self._compare(trail, "second resume", found, (last.outcome, [], size))
        shutil.rmtree(folder)

    # -- differences

    def _dump(self, folder: Path) -> object:
        return self.scenario.dump(load_world(self.scenario, folder))

    def _compare(self, trail: Sequence[str], what: str, found: object, expected: object) -> None:
        if found != expected:
            self._find(trail, f"{what} is {found}, expected {expected}")

    def _complain(self, folder: Path, trail: Sequence[str]) -> None:
        for complaint in self.scenario.complaints(load_world(self.scenario, folder)):
            self._find(trail, complaint)

    def _find(self, trail: Sequence[str], text: str) -> None:
        self.tally.findings.append(f"scenario {self.name}, killed at {', '.join(trail)}: {text}")


def kill_everywhere(kills: int, *, seed: int, folder: Path) -> Tally:
    """Random scenarios from ``seed`` upwards, killed at every point, until there were that many kills."""
    total = Tally()
    while total.crashes < kills and not total.findings:
        killer = Killer(str(seed), folder)
        for at in range(1, len(killer.points) + 1):
            killer.kill_at(at)
            if can_be_undone(killer.scenario.plan):
                killer.take_back_at(at)
            if killer.tally.findings or total.crashes + killer.tally.crashes >= kills:
                break
        total.add(killer.tally)
        seed += 1
    return total
