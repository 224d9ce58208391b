"""What may come next on a command line: from the verbs as they are typed, and from names seen before."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from drp.cli.arguments import open_command
from drp.cli.grammar.looking import AREAS
from drp.cli.grammar.shell import SHELLS
from drp.cli.names import Names, read_names
from drp.cli.screen import Screen

_COMMONS: Final = "status"
"""A verb with no options of its own: what it takes can stand everywhere."""


def answer(words: Sequence[str], stdout: Screen) -> None:
    """For the shell: a candidate a line. Nothing but the cache of names is read."""
    stdout.lines(complete(words, read_names(os.environ)))


def complete(words: Sequence[str], names: Names) -> list[str]:
    """What the last of the words, which may be "", can become. ``words`` begin after ``drp``."""
    at = _Place(open_command())
    for word in words[:-1]:
        at = at.after(word)
    start = words[-1] if words else ""
    return [each for each in at.candidates(names, start) if each.startswith(start)]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the grammar a word stands. ``node`` is Typer's command or group, None beyond all sense.

    ``value_of``: the option that waits for its value. ``given``: how many positional words came before.
    """

    node: Any
    value_of: Any = None
    given: int = 0

    def after(self, word: str) -> _Place:
        if self.node is None or self.value_of is not None:
            return _Place(self.node, given=self.given)
        if word.startswith("-"):
            option = None if "=" in word else self._option(word)
            return _Place(self.node, None if option is None or option.is_flag else option, self.given)
        if _is_group(self.node):
            return _Place(self.node.commands.get(word))
        return _Place(self.node, given=self.given + 1)

    def candidates(self, names: Names, start: str) -> list[str]:
        if self.node is None:
            return []
        if self.value_of is not None:
            return _values(self.value_of.metavar, names)
        if start.startswith("-"):
            return [name for option in self._options() for name in option.opts if name.startswith("--")]
        if _is_group(self.node):
            return [*self.node.commands]
        return self._positional(names)

    def _positional(self, names: Names) -> list[str]:
        """The argument at this place; the last one may take many."""
        arguments = [each for each in self.node.params if each.param_type_name == "argument"]
        if self.given < len(arguments):
            return _values(arguments[self.given].metavar, names)
        return _values(arguments[-1].metavar, names) if arguments and arguments[-1].nargs != 1 else []

    def _options(self) -> list[Any]:
        node = open_command().commands[_COMMONS] if _is_group(self.node) else self.node
        return [each for each in node.params if each.param_type_name == "option"]

    def _option(self, word: str) -> Any:
        return next((each for each in self._options() if word in each.opts), None)


def _is_group(node: Any) -> bool:
    return hasattr(node, "commands")


def _values(metavar: str | None, names: Names) -> list[str]:
    """By the word that stands for the value in the help: ``[RUN|TENANT]`` is either."""
    known = {
        "TENANT": names.tenants,
        "SITE": names.sites,
        "RUN": (*names.runs, *names.tenants),
        "AREA": AREAS,
        "SHELL": SHELLS,
    }
    found = [each for word, values in known.items() if word in (metavar or "") for each in values]
    return list(dict.fromkeys(found))
