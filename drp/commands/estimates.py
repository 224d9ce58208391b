"""How long a run will take, from how long such runs took: with its spread, or nothing at all."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from drp.errors import DrpError
from drp.model.values import JsonMap
from drp.witness.runs import RunEntry, RunName, RunReader

WORKED: Final = "worked_ms"
"""Detail of a run's end: how long it worked; only where one process did all of it."""

_SAMPLES: Final = 3
"""Below this many there is no estimate."""
_LAST: Final = 10
"""Only so many of the newest runs count: hosts and tenants grow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Seconds, give or take ``spread_s``. ``off`` is the mean share by which this way of guessing missed
    each of the ``runs`` when only the others were known.
    """

    seconds: float
    spread_s: float
    runs: int
    off: float

    def to_json(self) -> JsonMap:
        return {
            "seconds": round(self.seconds),
            "spread_s": round(self.spread_s),
            "runs": self.runs,
            "off_percent": round(self.off * 100),
        }


def estimate(lengths_s: Sequence[float]) -> Estimate | None:
    """From the lengths of past runs in seconds; None from fewer than three."""
    if len(lengths_s) < _SAMPLES:
        return None
    misses = [
        abs(length - statistics.median([*lengths_s[:index], *lengths_s[index + 1 :]])) / max(length, 1)
        for index, length in enumerate(lengths_s)
    ]
    return Estimate(
        seconds=statistics.median(lengths_s),
        spread_s=statistics.stdev(lengths_s),
        runs=len(lengths_s),
        off=statistics.mean(misses),
    )


def expect(runs: RunReader, verb: str, tenant: str) -> Estimate | None:
    """From the tenant's own runs of that kind, else from everybody's. Looks only; never raises a DrpError:
    an estimate is not worth a refusal.
    """
    try:
        own = estimate([*_lengths(runs, runs.names(tenant), verb)])
        return own or estimate([*_lengths(runs, runs.names(), verb)])
    except DrpError:
        return None


def _lengths(runs: RunReader, names: Sequence[RunName], verb: str) -> Iterator[float]:
    """Of the newest runs that were done in one go, in seconds. A run's id begins with its verb and day."""
    ended = [name for name in names if name.is_ended and name.run.startswith(f"{verb}-")]
    newest = sorted(ended, key=lambda name: name.run.split("-")[-2:], reverse=True)
    found = (_length(runs.load_one(name)) for name in newest[: 2 * _LAST])
    return islice((length for length in found if length is not None), _LAST)


def _length(entry: RunEntry) -> float | None:
    if entry.end is None or entry.end.status != "done":
        return None
    worked = entry.end.details.get(WORKED)
    return worked / 1000 if isinstance(worked, int) else None
