"""Collects what is wrong with a runbook, so that all of it can be told at once."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from drp.errors import ConfigError, Place, Problem

LINT: Final = "drp runbook lint"
"""The command that finds the problems of runbooks anew."""


class Complaints:
    """The problems found so far, each once."""

    def __init__(self) -> None:
        self._found: dict[tuple[Place, str], Problem] = {}

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, place: Place, message: str, hint: str = "") -> None:
        self._found.setdefault((place, message), Problem(place, message, hint))

    def extend(self, problems: Iterable[Problem]) -> None:
        for problem in problems:
            self.add(problem.place, problem.message, problem.hint)

    def all(self) -> list[Problem]:
        return [*self._found.values()]

    def check(self) -> None:
        """Raises ConfigError when there is any."""
        if self._found:
            raise ConfigError(self.all(), again=LINT)


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """``unknown action 'db.restor'; did you mean 'db.restore'?``, or the known names when none is near."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1, cutoff=0.6)
    if near:
        return f"unknown {what} '{name}'; did you mean '{near[0]}'?"
    return f"unknown {what} '{name}'; known: {', '.join(names) or 'none'}"
