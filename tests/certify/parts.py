"""The table of the parts. A new part is one function that makes its units, and one line in ``PARTS``."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from drp.testing.blocks import crash_blocks
from drp.testing.crash import Crasher
from drp.testing.journal_damage import certify_journal
from tests.certify.laboratory import run_marked
from tests.certify.results import Part, Result, Unit
from tests.commands.cancelling import STEPS, certify_cancels
from tests.commands.races import certify_races
from tests.engine.kills import kill_everywhere
from tests.faults.planted import PLANTED
from tests.faults.stories import STORIES, build_scenario, find_untold

SEED: Final = 20310304
CRASHES: Final = int(os.environ.get("DRP_CERTIFY_CRASHES", "20000"))
"""Of random graphs; those of the runbooks come on top."""
KILLS: Final = int(os.environ.get("DRP_CERTIFY_KILLS", "400"))
JOURNALS: Final = int(os.environ.get("DRP_CERTIFY_JOURNALS", "1000"))
RACES: Final = int(os.environ.get("DRP_CERTIFY_RACES", "500"))

_CRASHES_OF_A_UNIT: Final = 1000
_POINTS_OF_A_UNIT: Final = 50
_KILLS_OF_A_UNIT: Final = 20
_JOURNALS_OF_A_UNIT: Final = 125
_RACES_OF_A_UNIT: Final = 25
_CANCELS_OF_A_UNIT: Final = 15
_PLANTED_SAMPLE: Final = 12
_APART: Final = 100_000
"""Between the first seeds of two units: a unit draws its seeds upwards from its own."""


def split(number: int, size: int) -> list[int]:
    """``number`` in portions of ``size``, the last one smaller."""
    return [min(size, number - done) for done in range(0, number, size)]


# -- random graphs


def crash_graphs(crashes: int, seed: int) -> Result:
    tally = crash_blocks(crashes, seed=seed)
    return Result.of(tally, points=tally.points)


def list_graphs() -> list[Unit]:
    shares = enumerate(split(CRASHES, _CRASHES_OF_A_UNIT))
    return [Unit(crash_graphs, (share, SEED + number * _APART)) for number, share in shares]


# -- runbooks


def crash_story(name: str, places: Sequence[int]) -> Result:
    crasher = Crasher(build_scenario(name), seed=SEED)
    return Result.of(crasher.crash_everywhere(places=places), points=len(places))


def roll_back_story(name: str, places: Sequence[int]) -> Result:
    crasher = Crasher(build_scenario(name), seed=SEED)
    return Result.of(crasher.roll_back_everywhere(places=places), points=len(places))


def check_stories() -> Result:
    """Each runbook has a story, and each story ends as it says."""
    findings = [f"runbook '{name}' has no story in tests/faults/stories.py" for name in find_untold()]
    for name, story in STORIES.items():
        found = Crasher(build_scenario(name), seed=SEED).outcome
        if found != story.ends:
            findings.append(f"{name}: it ends {found}, expected {story.ends}")
    return Result(counts={"stories": len(STORIES)}, findings=findings)


def list_stories() -> list[Unit]:
    units = [Unit(check_stories)]
    for name, story in STORIES.items():
        points = range(1, len(Crasher(build_scenario(name), seed=SEED).points) + 1)
        shares = [points[at : at + _POINTS_OF_A_UNIT] for at in range(0, len(points), _POINTS_OF_A_UNIT)]
        units += [Unit(crash_story, (name, share)) for share in shares]
        units += [Unit(roll_back_story, (name, share)) for share in shares if story.back]
    return units


# -- real processes


def kill_graphs(kills: int, seed: int) -> Result:
    with tempfile.TemporaryDirectory(prefix="drp-certify-") as folder:
        tally = kill_everywhere(kills, seed=seed, folder=Path(folder))
    return Result(counts={"kills": tally.crashes, "points": tally.points}, findings=tally.findings)


def list_kills() -> list[Unit]:
    shares = enumerate(split(KILLS, _KILLS_OF_A_UNIT))
    return [Unit(kill_graphs, (share, SEED + number * _APART)) for number, share in shares]


# -- planted bugs


def find_planted(bug: str) -> Result:
    """How often a bug that was planted is found; never is a finding."""
    planted, graphs = PLANTED[bug], 0
    for seed in range(SEED, SEED + 60):
        graphs += len(planted.find_in_graph(seed, sample=_PLANTED_SAMPLE).findings)
    counts = {f"{bug}: random graphs": graphs}
    if planted.story is not None:
        found = planted.find_in_story(seed=SEED, sample=_PLANTED_SAMPLE)
        counts[f"{bug}: {planted.story}"] = len(found.findings)
    missed = [f"planted bug not noticed: {where}" for where, count in counts.items() if not count]
    return Result(counts=counts, findings=missed)


def list_planted() -> list[Unit]:
    return [Unit(find_planted, (bug,)) for bug in PLANTED]


# -- damaged journals


def damage_journals(seeds: Iterable[int]) -> Result:
    with tempfile.TemporaryDirectory(prefix="drp-certify-") as folder:
        tally = certify_journal(seeds, Path(folder))
    counts = {name: getattr(tally, name) for name in ("seeds", "whole", "repaired", "refused", "lacking")}
    return Result(counts=counts, findings=tally.findings)


def list_damages() -> list[Unit]:
    seeds, size = range(SEED, SEED + JOURNALS), _JOURNALS_OF_A_UNIT
    return [Unit(damage_journals, (seeds[at : at + size],)) for at in range(0, JOURNALS, size)]


# -- races for a lease


def race(seeds: Iterable[int]) -> Result:
    with tempfile.TemporaryDirectory(prefix="drp-certify-") as folder:
        tally = certify_races(seeds, Path(folder))
    return Result(counts={"races": tally.races}, findings=tally.findings)


def list_races() -> list[Unit]:
    seeds = range(SEED, SEED + RACES)
    return [Unit(race, (seeds[at : at + _RACES_OF_A_UNIT],)) for at in range(0, RACES, _RACES_OF_A_UNIT)]


# -- cancels at each step


def cancel_migrations(numbers: Iterable[int]) -> Result:
    with tempfile.TemporaryDirectory(prefix="drp-certify-") as folder:
        tally = certify_cancels(numbers, Path(folder))
    return Result(counts={"cancels": tally.cancels}, findings=tally.findings)


def list_cancels() -> list[Unit]:
    numbers = range(1, STEPS + 1)
    size = _CANCELS_OF_A_UNIT
    return [Unit(cancel_migrations, (numbers[at : at + size],)) for at in range(0, STEPS, size)]


# -- the laboratory


def list_laboratory() -> list[Unit]:
    return [Unit(run_marked, alone=True)]


PARTS: Final[Mapping[str, Part]] = {
    "runbooks": Part(units=list_stories, drawn=f"{SEED}"),
    "random graphs": Part(
        units=list_graphs,
        drawn=f"upwards from {SEED} + n * {_APART}, n one of {len(split(CRASHES, _CRASHES_OF_A_UNIT))}",
        least={"crashes": CRASHES},
    ),
    "killed processes": Part(
        units=list_kills,
        drawn=f"upwards from {SEED} + n * {_APART}, n one of {len(split(KILLS, _KILLS_OF_A_UNIT))}",
        least={"kills": KILLS},
    ),
    "planted bugs": Part(units=list_planted, drawn=f"{SEED} to {SEED + 59}; runbooks {SEED}"),
    "damaged journals": Part(
        units=list_damages, drawn=f"{SEED} to {SEED + JOURNALS - 1}", least={"seeds": JOURNALS}
    ),
    "races": Part(units=list_races, drawn=f"{SEED} to {SEED + RACES - 1}", least={"races": RACES}),
    "cancels": Part(units=list_cancels, drawn=f"steps 1 to {STEPS}", least={"cancels": STEPS}),
    "laboratory": Part(units=list_laboratory),
}
"""Name -> part."""
