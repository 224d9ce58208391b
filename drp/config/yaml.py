"""Strict YAML in which every value knows its place.

Scalars stay text until a schema types them (else ``10:30`` would be 630, ``no`` false and 3.10 3.1).
Duplicate keys, anchors, aliases, tags and further documents are problems: what a reader sees in one
place of a file must be all there is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from drp.errors import ConfigError, Place, Problem

Plain: TypeAlias = "str | list[Plain] | dict[str, Plain]"

_NOT_ALLOWED: Final = "Write the value out where it is used."


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a YAML file. ``key_places`` holds the places of a map's keys (empty for the others)."""

    value: str | list[Node] | dict[str, Node]
    place: Place
    key_places: Mapping[str, Place] = field(default_factory=dict)


def load_yaml(path: Path, shown: str) -> Node:
    """Read a YAML file; ``shown`` is its name in messages.

    Raises ConfigError with every problem of form (after a syntax error nothing more is read).
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise _config_error(shown, f"cannot read '{shown}': {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise _config_error(shown, f"cannot read '{shown}': it is not UTF-8 text") from error
    return parse_yaml(text, shown)


def parse_yaml(text: str, shown: str) -> Node:
    """The same from a text. Raises ConfigError."""
    reader = _Reader(shown)
    try:
        root = reader.read(YAML(typ="safe", pure=True).parse(text))
    except MarkedYAMLError as error:
        place = reader.place(error.problem_mark or error.context_mark)
        problem = Problem(place, f"cannot read YAML: {error.problem or error.context}")
        raise ConfigError([*reader.problems, problem]) from error
    except YAMLError as error:
        raise _config_error(shown, f"cannot read YAML: {str(error).splitlines()[0]}") from error
    if reader.problems:
        raise ConfigError(reader.problems)
    return root


def plain(node: Node) -> Plain:
    """The values alone, as nested dict, list and str."""
    if isinstance(node.value, dict):
        return {key: plain(item) for key, item in node.value.items()}
    if isinstance(node.value, list):
        return [plain(item) for item in node.value]
    return node.value


def _config_error(shown: str, message: str) -> ConfigError:
    return ConfigError([Problem(Place(shown, 1, 1), message)])


class _Reader:
    """Builds nodes from parser events and collects what is not allowed."""

    def __init__(self, shown: str) -> None:
        self.shown = shown
        self.problems: list[Problem] = []

    def place(self, mark: Any) -> Place:
        return Place(self.shown, mark.line + 1, mark.column + 1) if mark else Place(self.shown, 1, 1)

    def read(self, events: Iterator[Any]) -> Node:
        root: Node | None = None
        for event in events:
            match _kind(event):
                case "DocumentStart" if root is not None:
                    self._problem(event, "second document in one file", "Put it into a file of its own.")
                    break
                case "Scalar" | "SequenceStart" | "MappingStart" | "Alias":
                    root = self._node(event, events)
        return root or Node({}, Place(self.shown, 1, 1))

    def _node(self, event: Any, events: Iterator[Any]) -> Node:
        self._check(event)
        place = self.place(event.start_mark)
        match _kind(event):
            case "Scalar":
                return Node(event.value, place)
            case "SequenceStart":
                return Node(list(self._items(events)), place)
            case "MappingStart":
                return self._map(place, events)
        return Node("", place)

    def _check(self, event: Any) -> None:
        if _kind(event) == "Alias":
            self._problem(event, f"alias '*{event.anchor}' is not allowed", _NOT_ALLOWED)
        elif event.anchor is not None:
            self._problem(event, f"anchor '&{event.anchor}' is not allowed", _NOT_ALLOWED)
        if getattr(event, "tag", None) is not None:
            self._problem(event, f"tag '{event.tag}' is not allowed", "The schema decides what a value is.")

    def _items(self, events: Iterator[Any]) -> Iterator[Node]:
        for event in events:
            if _kind(event) == "SequenceEnd":
                return
            yield self._node(event, events)

    def _map(self, place: Place, events: Iterator[Any]) -> Node:
        values: dict[str, Node] = {}
        places: dict[str, Place] = {}
        for event in events:
            if _kind(event) == "MappingEnd":
                break
            key = self._node(event, events)
            value = self._node(next(events), events)
            if not isinstance(key.value, str):
                self._problem(event, "a key must be text", "")
            elif key.value in values:
                first = places[key.value]
                self._problem(event, f"key '{key.value}' is here twice", f"It is also in line {first.line}.")
            else:
                values[key.value], places[key.value] = value, key.place
        return Node(values, place, places)

    def _problem(self, event: Any, message: str, hint: str) -> None:
        self.problems.append(Problem(self.place(event.start_mark), message, hint))


def _kind(event: Any) -> str:
    return type(event).__name__.removesuffix("Event")
