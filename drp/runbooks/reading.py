"""Typed reading of YAML nodes: what does not fit becomes a complaint, and reading goes on."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from drp.config.yaml import Node
from drp.errors import Place
from drp.model.plan import RetryPolicy
from drp.model.values import parse_duration
from drp.runbooks.complaints import Complaints, unknown

_NAME: Final = re.compile(r"[a-z][a-z0-9-]*")
_RETRY: Final = RetryPolicy()


@dataclass(frozen=True, slots=True)
class Ref:
    """A name and where it is written."""

    name: str
    place: Place


class Reader:
    """Reads values; each method answers with something usable even after a complaint."""

    def __init__(self, complaints: Complaints) -> None:
        self.complaints = complaints

    def fields(
        self, node: Node, what: str, *, required: Collection[str] = (), optional: Collection[str] = ()
    ) -> Mapping[str, Node]:
        """The known fields of a map."""
        if not isinstance(node.value, dict):
            self.complaints.add(node.place, f"{what} must be a map")
            return {}
        known = {*required, *optional}
        for key in node.value.keys() - known:
            self.complaints.add(node.key_places[key], unknown("key", key, known))
        for key in required:
            if key not in node.value:
                self.complaints.add(node.place, f"{what} has no '{key}'")
        return {key: value for key, value in node.value.items() if key in known}

    def entries(self, node: Node | None, what: str) -> Mapping[str, Node]:
        """A map with any keys."""
        if node is None:
            return {}
        if not isinstance(node.value, dict):
            self.complaints.add(node.place, f"{what} must be a map")
            return {}
        return node.value

    def items(self, node: Node | None, what: str) -> Iterator[Node]:
        if node is None:
            return
        if isinstance(node.value, list):
            yield from node.value
        else:
            self.complaints.add(node.place, f"{what} must be a list")

    def text(self, node: Node | None, what: str, default: str = "") -> str:
        if node is None:
            return default
        if isinstance(node.value, str) and node.value:
            return node.value
        self.complaints.add(node.place, f"{what} must be text")
        return default

    def name(self, node: Node | None, what: str) -> str:
        """Lower-case letters, digits and dashes."""
        found = self.text(node, what)
        if node is not None and found and not _NAME.fullmatch(found):
            self.complaints.add(
                node.place,
                f"{what} '{found}' is no name",
                "A name has lower-case letters, digits and dashes, and begins with a letter.",
            )
        return found

    def refs(self, node: Node | None, what: str) -> tuple[Ref, ...]:
        return tuple(
            Ref(self.text(item, f"an item of {what}"), item.place) for item in self.items(node, what)
        )

    def choice(self, node: Node | None, what: str, *, known: Collection[str], default: str) -> str:
        found = self.text(node, what, default)
        if node is not None and found not in known:
            self.complaints.add(node.place, unknown(what, found, known))
        return found

    def flag(self, node: Node | None, what: str) -> bool:
        if node is None:
            return False
        if node.value not in ("true", "false"):
            self.complaints.add(node.place, f"{what} must be true or false")
        return node.value == "true"

    def count(self, node: Node | None, what: str, default: int) -> int:
        """A whole number from 1."""
        if node is None:
            return default
        if isinstance(node.value, str) and node.value.isdecimal() and int(node.value) > 0:
            return int(node.value)
        self.complaints.add(node.place, f"{what} must be a whole number from 1")
        return default

    def factor(self, node: Node | None, what: str, default: float) -> float:
        """A number from 1."""
        if node is None:
            return default
        if isinstance(node.value, str) and re.fullmatch(r"[1-9]\d?(\.\d+)?", node.value):
            return float(node.value)
        self.complaints.add(node.place, f"{what} must be a number from 1 to 99")
        return default

    def duration(self, node: Node | None, what: str, default: timedelta) -> timedelta:
        text = self.text(node, what)
        if node is None or not text:
            return default
        try:
            found = parse_duration(text)
        except ValueError as error:
            self.complaints.add(node.place, str(error))
            return default
        if found <= timedelta(0):
            self.complaints.add(node.place, f"{what} must be longer than nothing")
        return found

    def retry(self, node: Node | None) -> RetryPolicy:
        if node is None:
            return _RETRY
        found = self.fields(node, "'retry'", required=("attempts",), optional=("wait", "factor", "limit"))
        return RetryPolicy(
            attempts=self.count(found.get("attempts"), "'attempts'", _RETRY.attempts),
            wait=self.duration(found.get("wait"), "'wait'", _RETRY.wait),
            factor=self.factor(found.get("factor"), "'factor'", _RETRY.factor),
            limit=self.duration(found.get("limit"), "'limit'", _RETRY.limit),
        )
