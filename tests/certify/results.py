"""What a part of the certificate consists of, and what it comes to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from drp.testing.crash import Tally


@dataclass(slots=True, kw_only=True)
class Result:
    """Counts by their names (``crashes``, ``points``, ``kills`` …), findings in words, why it was skipped."""

    counts: dict[str, int] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)
    skipped: str = ""

    def add(self, other: Result) -> None:
        for name, count in other.counts.items():
            self.counts[name] = self.counts.get(name, 0) + count
        self.findings.extend(other.findings)
        self.skipped = self.skipped or other.skipped

    @classmethod
    def of(cls, tally: Tally, **counts: int) -> Result:
        return cls(counts={"crashes": tally.crashes, **counts}, findings=list(tally.findings))


@dataclass(frozen=True, slots=True)
class Unit:
    """A share of a part, done by one process: ``run(*args)``. It is pickled, so ``run`` is a function of a
    module. ``alone``: nothing else runs beside it."""

    run: Callable[..., Result]
    args: tuple[Any, ...] = ()
    alone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One line of the certificate: ``units`` together are it; ``drawn`` tells the seeds, for who repeats it.

    ``least``: counts it must reach (each by its name), or it is a finding.
    """

    units: Callable[[], list[Unit]]
    drawn: str = ""
    least: Mapping[str, int] = field(default_factory=dict)
