"""Does the units of all parts on all cores and says how far it is."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from tests.certify.results import Part, Result, Unit

_SILENCE: Final = 10.0
"""Seconds after which a line is printed."""


@dataclass(slots=True)
class Outcome:
    """A part when it is done: its result, and the processor seconds it took."""

    result: Result = field(default_factory=Result)
    seconds: float = 0.0
    left: int = 0


@dataclass(frozen=True, slots=True)
class _Job:
    part: str
    unit: Unit


def run_parts(parts: Mapping[str, Part]) -> dict[str, Outcome]:
    """Each part's outcome, by its name. A unit that raises is a finding."""
    jobs = [_Job(name, unit) for name, part in parts.items() for unit in part.units()]
    outcomes = {name: Outcome() for name in parts}
    for job in jobs:
        outcomes[job.part].left += 1
    said = time.monotonic()
    for done, (job, result, seconds) in enumerate(_do([job for job in jobs if not job.unit.alone]), 1):
        _take(outcomes[job.part], job, result, seconds)
        if time.monotonic() - said > _SILENCE:
            said = time.monotonic()
            print(f"  {done} of {len(jobs)}, now {job.part}", flush=True)
    for job in jobs:
        if job.unit.alone:
            _take(outcomes[job.part], *_do_one(job))
    for name, part in parts.items():
        outcomes[name].result.findings.extend(_find_lacking(name, part, outcomes[name].result))
    return outcomes


def _do(jobs: list[_Job]) -> Iterator[tuple[_Job, Result, float]]:
    with multiprocessing.get_context("fork").Pool(os.cpu_count()) as pool:
        yield from pool.imap_unordered(_do_one, jobs)


def _do_one(job: _Job) -> tuple[_Job, Result, float]:
    began = time.process_time() + _children()
    try:
        result = job.unit.run(*job.unit.args)
    except Exception as error:
        # A part that breaks must not keep the others from being measured; it is a finding of its own.
        what = f"{job.unit.run.__name__}{job.unit.args}"
        result = Result(findings=[f"{what}: {type(error).__name__}: {error}"])
    return job, result, time.process_time() + _children() - began


def _children() -> float:
    """Processor seconds of the processes this one has started."""
    times = os.times()
    return times.children_user + times.children_system


def _take(outcome: Outcome, job: _Job, result: Result, seconds: float) -> None:
    outcome.result.add(result)
    outcome.seconds += seconds
    outcome.left -= 1
    for finding in result.findings:
        print(f"! {job.part}: {finding[:400]}", flush=True)
    if not outcome.left:
        print(f"{job.part}: {render(outcome.result)}", flush=True)


def render(result: Result) -> str:
    """A result in a line."""
    counts = ", ".join(f"{count} {name}" for name, count in result.counts.items())
    found = f"{len(result.findings)} findings"
    return f"skipped: {result.skipped}" if result.skipped else f"{counts}, {found}" if counts else found


def _find_lacking(name: str, part: Part, result: Result) -> list[str]:
    counts = result.counts
    return [
        f"{name}: only {counts.get(what, 0)} {what}, wanted {least}"
        for what, least in part.least.items()
        if counts.get(what, 0) < least
    ]
