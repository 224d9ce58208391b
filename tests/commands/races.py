"""Two operators order the same migration at the same moment, each with a state folder of its own."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from drp.commands.endings import CANCELLED, DONE
from drp.commands.events import Event, RunEvent
from drp.commands.launch import launch
from drp.commands.results import RunReport
from drp.commands.stopping import Stoppable
from drp.errors import DrpError, LeaseHeldError
from drp.providers.clock import SystemClock
from drp.witness.machine import is_alive
from drp.witness.runs import RunReader
from tests.commands.bench import Bench, deployed

FULL_EVERY = 20
"""So many races are cut short by a cancel, once the loser was told; then one is run to its end."""
_PATIENCE_S = 60


@dataclass
class RaceTally:
    races: int = 0
    findings: list[str] = field(default_factory=list)


@dataclass
class Racer:
    """One operator in a thread; ``report`` or ``error`` is what came of it."""

    bench: Bench
    owner: str
    start: threading.Barrier
    delay: float
    is_full: bool
    other_ended: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    runs: list[Stoppable] = field(default_factory=list)
    report: RunReport | None = None
    error: DrpError | None = None

    def run(self) -> None:
        """Both have planned and answered when they go for the lease."""
        bench = self.bench
        bench.workshop = replace(bench.workshop, is_alive=is_alive)
        bench.on_ask = self._line_up
        bench.on_stops = lambda run, _: self.runs.append(run)
        desk = replace(bench.desk(), operator=self.owner, clock=SystemClock(), emit=self._hear)
        try:
            self.report = launch(desk, bench.workshop, bench.order("migrate", "dc5", "acme"))
        except DrpError as error:
            self.error = error
        finally:
            self.ended.set()

    def _line_up(self) -> None:
        self.start.wait(_PATIENCE_S)
        time.sleep(self.delay)

    def _hear(self, event: Event) -> None:
        """The winner has its plan recorded, and does nothing until the loser was told."""
        if isinstance(event, RunEvent) and event.status == "begun":
            self.other_ended.wait(_PATIENCE_S)
            if not self.is_full:
                self.runs[0].cancel()


def certify_races(seeds: Iterable[int], folder: Path) -> RaceTally:
    """One race a seed: one winner, and a loser that is told who, since when and at what."""
    tally = RaceTally()
    for number, seed in enumerate(seeds):
        tally.races += 1
        is_full = number % FULL_EVERY == 0
        tally.findings += [
            f"seed {seed}: {text}" for text in _race(seed, folder / str(seed), is_full=is_full)
        ]
    return tally


def _race(seed: int, folder: Path, *, is_full: bool) -> list[str]:
    chance, company, start = random.Random(seed), deployed(), threading.Barrier(2)
    racers = []
    for number, owner in enumerate(("eva@ops1", "max@ops2")):
        bench = Bench(folder / owner, company, runs=number)
        delay = chance.choice([0.0, chance.random() / 1000, chance.random() / 50])
        racers.append(Racer(bench, owner, start, delay, is_full))
    racers[0].other_ended, racers[1].other_ended = racers[1].ended, racers[0].ended
    threads = [threading.Thread(target=racer.run) for racer in racers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(2 * _PATIENCE_S)
    return _judge(racers, is_full=is_full)


def _judge(racers: list[Racer], *, is_full: bool) -> list[str]:
    winners = [racer for racer in racers if racer.report is not None]
    losers = [racer for racer in racers if racer.error is not None]
    if len(winners) != 1 or len(losers) != 1:
        return [f"{len(winners)} winners, {len(losers)} losers"]
    (winner,), (loser,) = winners, losers
    assert winner.report is not None
    error, found = loser.error, []
    wanted = f"run '{winner.report.run}' (migrate) of {winner.owner} works on it since "
    if not isinstance(error, LeaseHeldError) or wanted not in error.message:
        found.append(f"the loser was told: {error}")
    if winner.report.ending is not (DONE if is_full else CANCELLED):
        found.append(f"the winner ended {winner.report.ending.word}")
    runs = [run.run for run in RunReader(winner.bench.workshop.witness).names()]
    if runs != [winner.report.run]:
        found.append(f"the witness knows of runs {runs}")
    if [*loser.bench.state.glob("*.journal")]:
        found.append("the loser left a journal")
    return found
