"""Damages real journals of half-done runs, and goes on with them as a command would.

A run on the world of blocks is cut anywhere; its journal is a SQLite file with an unmerged log, its copy in
the witness lags as it may. Then bits are flipped or ends cut off, the run is resumed or taken back, and the
world compared with that of a run that nothing happened to. A journal may be refused; it must never be read
shorter in silence.
"""

from __future__ import annotations

import copy
import random
import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from drp.commands.copying import CopyHook
from drp.commands.doubts import draft_doubts
from drp.commands.journals import Memory, read_local, recall, restore
from drp.commands.review import look
from drp.engine.fold import fold
from drp.engine.journal import JournalError, MemoryJournal, Record, Stamp
from drp.engine.runner import Runner
from drp.engine.sqlite_journal import SqliteJournal
from drp.errors import BugError, RejectedError
from drp.ports.objects import ObjectReader
from drp.testing.blocks import Blocks, build_plan, build_scenario, build_step
from drp.testing.clock import ManualClock
from drp.testing.crash import Countdown, Scenario, SteppedWorkers
from drp.testing.failures import PowerCut
from drp.testing.objects import FakeObjects
from drp.witness.journal_copy import JournalCopy

SEEDS_PER_RUN: Final = 25
"""So many seeds damage copies of the same cut run."""

_NAME: Final = "run-1.journal"
_STEPS: Final = 12
_FINAL: Final = 9


@dataclass(slots=True)
class DamageTally:
    """What became of damaged journals: ``whole`` as they were, ``repaired`` from the copy, ``refused``."""

    seeds: int = 0
    whole: int = 0
    repaired: int = 0
    refused: int = 0
    lacking: int = 0
    """Of those that were repaired: told that their last records may be lost."""
    findings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class CutRun:
    """A run as a dead process left it; ``records`` is what it had written, ``folder`` holds its files."""

    scenario: Scenario[Blocks]
    folder: Path
    world: Blocks
    witness: FakeObjects
    records: Sequence[Record]


Recall = Callable[[Path, ObjectReader, str], Memory]


def certify_journal(seeds: Iterable[int], folder: Path, *, recall: Recall = recall) -> DamageTally:
    """Damage one journal a seed, in ``folder``, and go on with the run by what ``recall`` makes of it."""
    tally = DamageTally()
    cut: CutRun | None = None
    for number, seed in enumerate(seeds):
        if cut is None or number % SEEDS_PER_RUN == 0:
            cut = _cut_run(seed, folder / f"cut-{seed}")
        _check(tally, cut, seed, folder / "damaged", recall)
    return tally


def _draw_scenario(seed: int) -> Scenario[Blocks]:
    chance = random.Random(seed)
    names = [f"b{number:02d}" for number in range(_STEPS)]
    steps = []
    for number, name in enumerate(names):
        above = _FINAL + 1 if number > _FINAL else 0
        needs = chance.sample(names[above:number], min(number - above, chance.randint(0, 2)))
        if number == _FINAL:
            needs = names[:_FINAL]
        steps.append(build_step(name, *needs, *([names[_FINAL]] if above else []), final=number == _FINAL))
    return build_scenario(build_plan(*steps), old=frozenset({"b00"}), in_flight=4)


def _cut_run(seed: int, folder: Path) -> CutRun:
    """Run it until the power is cut at a random point, with a copy that is flushed now and then."""
    scenario, chance = _draw_scenario(seed), random.Random(seed)
    folder.mkdir(parents=True)
    points = _count_points(scenario, seed)
    world, witness = scenario.make_world(), FakeObjects()
    copied = JournalCopy(witness, scenario.plan.run, lease=lambda: 1)
    hook = CopyHook(copied, ManualClock(), scenario.plan, begin=lambda: None)

    def copy_records(records: Sequence[Record]) -> None:
        hook(records)
        if chance.random() < 0.15:
            copied.flush()

    faults = Countdown(chance.randint(points // 5, points))
    (folder / "live").mkdir()
    with closing(SqliteJournal(folder / "live" / _NAME, copy=copy_records)) as journal:
        try:
            _build_runner(scenario, world, journal, seed=seed, faults=faults).run()
        except PowerCut:
            pass
        records = journal.read()
        # While it is open its log is not merged into the database.
        shutil.copytree(folder / "live", folder / "dead")
    return CutRun(scenario=scenario, folder=folder / "dead", world=world, witness=witness, records=records)


def _count_points(scenario: Scenario[Blocks], seed: int) -> int:
    faults = Countdown()
    _build_runner(scenario, scenario.make_world(), MemoryJournal(), seed=seed, faults=faults).run()
    return len(faults.points)


def _build_runner(
    scenario: Scenario[Blocks],
    world: Blocks,
    journal: SqliteJournal | MemoryJournal,
    *,
    seed: int,
    faults: Countdown,
) -> Runner:
    clock, perform = ManualClock(), scenario.perform(world, faults.hit)
    workers = SteppedWorkers(perform, faults, chance=random.Random(seed), clock=clock)
    return Runner(
        scenario.plan,
        journal,
        perform,
        clock=clock,
        actor="tester@here",
        epoch=lambda: 1,
        in_flight=scenario.in_flight,
        faults=faults,
        workers=workers,
    )


def _check(tally: DamageTally, cut: CutRun, seed: int, folder: Path, recall: Recall) -> None:
    """One story: damage, remember, go on, compare."""
    chance = random.Random(seed)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(cut.folder, folder)
    damage = chance.choice(_DAMAGES)
    damage(folder / _NAME, chance)
    tally.seeds += 1
    try:
        memory = recall(folder / _NAME, cut.witness, cut.scenario.plan.run)
        complaints = _go_on(tally, cut, folder / _NAME, memory, chance)
    except (JournalError, RejectedError):
        tally.refused += 1
        return
    except (BugError, OSError) as error:
        complaints = [f"{type(error).__name__}: {error}"]
    tally.findings += [f"seed {seed}, {damage.__name__}: {text}" for text in complaints]


def _go_on(tally: DamageTally, cut: CutRun, path: Path, memory: Memory, chance: random.Random) -> list[str]:
    found = [*memory.records]
    if found != [*cut.records[: len(found)]]:
        return ["records that were never written"]
    if len(found) < len(cut.records) and not memory.may_lack:
        return [f"read {len(found)} of {len(cut.records)} records, and took them for all"]
    tally.whole += not memory.damage
    tally.repaired += bool(memory.damage)
    tally.lacking += memory.may_lack
    return _finish(cut, path, memory, back=chance.random() < 0.5)


def _finish(cut: CutRun, path: Path, memory: Memory, *, back: bool) -> list[str]:
    """Resume the run or take it back; what is wrong with the world afterwards."""
    scenario, world = cut.scenario, copy.deepcopy(cut.world)
    state = fold(memory.records)
    perform = scenario.perform(world, Countdown().hit)
    seen = {step.id: "already" if step.id in world.old else "would" for step in scenario.plan.steps}
    drafts = draft_doubts(state, seen, lambda step, outputs: look(perform, step, outputs))
    stamp = Stamp(time=ManualClock().now(), actor="tester@there", epoch=2)
    restore(path, memory, drafts=drafts if memory.may_lack else [], stamp=stamp)
    journal = MemoryJournal([record.to_bytes() for record in read_local(path)])
    goes_back = back and not state.past_final and state.ended != "done"
    runner = _build_runner(scenario, world, journal, seed=1, faults=Countdown())
    outcome = runner.run(back=goes_back).outcome
    return _differences(scenario, world, outcome, back=goes_back)


def _differences(scenario: Scenario[Blocks], world: Blocks, outcome: str, *, back: bool) -> list[str]:
    wanted = scenario.make_world().laid if back else {step.id: "whole" for step in scenario.plan.steps}
    found = [*world.complaints]
    if outcome != ("rolled-back" if back else "done"):
        found.append(f"the run ended {outcome}")
    if world.laid != wanted:
        found.append(f"the world is {world.laid}, expected {wanted}")
    return found


# -- damages


def _cut_database(path: Path, chance: random.Random) -> None:
    _cut(path, chance)


def _flip_database(path: Path, chance: random.Random) -> None:
    _flip(path, chance)


def _flip_log(path: Path, chance: random.Random) -> None:
    _flip(_log(path), chance)


def _cut_log(path: Path, chance: random.Random) -> None:
    _cut(_log(path), chance)


def _flip_both(path: Path, chance: random.Random) -> None:
    _flip(path, chance)
    _flip(_log(path), chance)


def _flip_log_without_mark(path: Path, chance: random.Random) -> None:
    _flip(_log(path), chance)
    path.with_name(f"{path.name}.mark").unlink()


def _lose_all(path: Path, _: random.Random) -> None:
    shutil.rmtree(path.parent)
    path.parent.mkdir()


_DAMAGES: Final[tuple[Callable[[Path, random.Random], None], ...]] = (
    _cut_database,
    _flip_database,
    _flip_log,
    _cut_log,
    _flip_both,
    _flip_log_without_mark,
    _lose_all,
)


def _log(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _flip(path: Path, chance: random.Random) -> None:
    """One to three bits."""
    content = bytearray(path.read_bytes())
    for _ in range(chance.randint(1, 3)):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def _cut(path: Path, chance: random.Random) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: chance.randrange(len(content))])
