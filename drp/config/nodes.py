"""Finding one's way in a tree of nodes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from drp.config.yaml import Node
from drp.errors import Place

BUILT_IN: Final = Place("default", 0, 0)
"""The place of a value that nobody wrote."""


def find(node: Node, *path: str | int) -> Node | None:
    """The node under these keys (of maps) and indexes (of lists), or None."""
    found: Node | None = node
    for step in path:
        found = _step(found, step) if found is not None else None
    return found


def text(node: Node, *path: str) -> str:
    """The text under these keys; "" when there is none."""
    found = find(node, *path)
    return found.value if found is not None and isinstance(found.value, str) else ""


def texts(node: Node, *path: str) -> list[Node]:
    """The items under these keys that are texts; [] when there is no list."""
    found = find(node, *path)
    if found is None or not isinstance(found.value, list):
        return []
    return [item for item in found.value if isinstance(item.value, str)]


def entries(node: Node, *path: str) -> Iterator[tuple[str, Node]]:
    """Name and node of each entry of the map under these keys."""
    found = find(node, *path)
    if found is not None and isinstance(found.value, dict):
        yield from found.value.items()


def names(node: Node, *path: str) -> list[str]:
    return [name for name, _ in entries(node, *path)]


def place_of(node: Node, *path: str | int) -> Place:
    """Where the value under these keys stands; of what is not there or not written: where it should be."""
    place = node.place
    for step in path:
        found = _step(node, step)
        if found is None:
            return place
        # A map begins where its name stands: that is what a reader looks for. Nothing stands nowhere.
        is_seen = isinstance(found.value, list) or bool(found.value and isinstance(found.value, str))
        own = found.place if is_seen else key_place(node, step)
        node, place = found, place if own == BUILT_IN else own
    return place


def key_place(node: Node, step: str | int) -> Place:
    """Where a key of this map is written, or an item of this list begins."""
    if isinstance(step, str):
        return node.key_places.get(step, BUILT_IN)
    found = _step(node, step)
    return BUILT_IN if found is None else found.place


def _step(node: Node, step: str | int) -> Node | None:
    if isinstance(node.value, dict) and isinstance(step, str):
        return node.value.get(step)
    if isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
        return node.value[step]
    return None


def with_entry(node: Node, key: str, value: Node, *, place: Place = BUILT_IN) -> Node:
    """A copy of a map with one entry more (or another)."""
    assert isinstance(node.value, dict)
    return Node({**node.value, key: value}, node.place, {**node.key_places, key: place})


def build_node(value: object) -> Node:
    """A value that nobody wrote, from text, lists and dicts; nodes in it stay what they are."""
    if isinstance(value, Node):
        return value
    if isinstance(value, dict):
        places = {str(key): BUILT_IN for key in value}
        return Node({str(key): build_node(item) for key, item in value.items()}, BUILT_IN, places)
    if isinstance(value, list | tuple):
        return Node([build_node(item) for item in value], BUILT_IN)
    return Node(str(value), BUILT_IN)
