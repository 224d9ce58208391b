"""Who reaches what: the cells of an isolation matrix, as expected and as found. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from drp.model.values import Json, JsonMap

Transport = Literal["tcp", "udp"]
Expected = Literal["open", "closed"]
Found = Literal["open", "refused", "closed", "unknown"]
"""``refused``: nobody listens, but the packet arrived and was answered: not closed."""

_LETTERS: Final = {"open": "o", "refused": "r", "closed": "c", "unknown": "u"}
_NOT_ASKED: Final = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something may answer; ``address`` an IPv4 address or a name that the asker resolves."""

    transport: Transport
    address: str
    port: int

    def __str__(self) -> str:
        return f"{self.transport} {self.address}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """``source`` (a container, or ``helper``) asks ``target`` at ``place`` (a Place as text, or a word)."""

    source: str
    target: str
    place: str
    expected: Expected
    reason: str
    found: Found = "unknown"

    def with_found(self, found: Found) -> Cell:
        return replace(self, found=found)

    @property
    def is_red(self) -> bool:
        """What shall be open must take a connection; over UDP an answer that says no will do."""
        if self.expected == "closed":
            return self.found != "closed"
        good = ("open", "refused") if self.place.startswith("udp ") else ("open",)
        return self.found not in good

    def __str__(self) -> str:
        return f"{self.source} → {self.target} ({self.place}): {self.found}, shall be {self.expected}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """All cells of one instance."""

    instance: str
    host: str
    cells: tuple[Cell, ...]

    def red(self) -> list[Cell]:
        """Cells in which found is not expected, those that are open first."""
        order = {"open": 0, "refused": 1, "unknown": 2, "closed": 3}
        return sorted((cell for cell in self.cells if cell.is_red), key=lambda cell: order[cell.found])

    def to_json(self) -> JsonMap:
        """Counts, and the whole matrix: for each source a letter a target (o open, r refused, c closed,
        u unknown, - not asked), in capitals where it is red."""
        counts = Counter(cell.found for cell in self.cells)
        targets = [*dict.fromkeys(_target_text(cell) for cell in self.cells)]
        sources = [*dict.fromkeys(cell.source for cell in self.cells)]
        found = {(cell.source, _target_text(cell)): _letter(cell) for cell in self.cells}
        rows: JsonMap = {
            source: "".join(found.get((source, target), _NOT_ASKED) for target in targets)
            for source in sources
        }
        listed: list[Json] = [*targets]
        red: list[Json] = [str(cell) for cell in self.red()]
        return {
            "instance": self.instance,
            "host": self.host,
            "cells": len(self.cells),
            "open": counts["open"] + counts["refused"],
            "closed": counts["closed"],
            "unknown": counts["unknown"],
            "red": red,
            "targets": listed,
            "found": rows,
        }


def _target_text(cell: Cell) -> str:
    return f"{cell.target} {cell.place}"


def _letter(cell: Cell) -> str:
    letter = _LETTERS[cell.found]
    return letter.upper() if cell.is_red else letter


def shown_red(red: Sequence[Cell], limit: int = 5) -> str:
    """The first cells in words, and how many more there are."""
    more = f"; +{len(red) - limit} more" if len(red) > limit else ""
    return "; ".join(map(str, red[:limit])) + more
