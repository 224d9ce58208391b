"""The way in: a folder becomes an inventory, or all that is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from drp.config.build import InventoryBuilder
from drp.config.checks import check_tree
from drp.config.files import load_tree
from drp.config.nodes import BUILT_IN, key_place
from drp.config.problems import SHARED, parse_settings
from drp.config.publics import load_publics
from drp.config.resolve import resolve
from drp.config.yaml import Node
from drp.errors import ConfigError, Place
from drp.model.inventory import Inventory

_AGAIN: Final = "Look again with `drp check config`."


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveValue:
    """One value that counts, as it would be written; ``place`` None when it is a built-in default."""

    key: str
    value: str
    place: Place | None


def load_inventory(folder: Path, *, needs_keys: bool = True) -> Inventory:
    """Read the configuration. ``needs_keys`` False: public keys that are not made yet are empty texts.

    Raises ConfigError with every problem, sorted by place.
    """
    return _load(folder, needs_keys=needs_keys)[0]


def effective(folder: Path, under: str = "") -> list[EffectiveValue]:
    """Each value that counts with its place, in the order of the files; all, or those under a dotted key.

    ``under`` may also be the name of a tenant, site, store or host. Raises ConfigError as ``load_inventory``;
    [] when there is nothing of that name.
    """
    _, root = _load(folder, needs_keys=False)
    values = list(_flatten(root, "", BUILT_IN))
    if not under:
        return [value for value in values if value.key.split(".")[0] not in SHARED]
    return [value for value in values if f".{under}." in f".{value.key}."]


def _load(folder: Path, *, needs_keys: bool) -> tuple[Inventory, Node]:
    tree = load_tree(folder)
    root = resolve(tree.root)
    settings, problems = parse_settings(root)
    publics = load_publics(root, folder, are_needed=needs_keys)
    problems = [*tree.problems, *problems, *check_tree(root), *publics.problems]
    if settings is None or problems:
        raise ConfigError(problems, hint=_AGAIN)
    return InventoryBuilder(settings, root, folder, publics=publics).build(), root


def _flatten(node: Node, key: str, place: Place) -> Iterator[EffectiveValue]:
    if isinstance(node.value, dict) and node.value:
        for name, child in node.value.items():
            yield from _flatten(child, f"{key}.{name}" if key else name, key_place(node, name))
    elif isinstance(node.value, list) and any(not isinstance(item.value, str) for item in node.value):
        for index, item in enumerate(node.value):
            yield from _flatten(item, f"{key}.{index}", item.place)
    else:
        found = place if isinstance(node.value, dict) else node.place
        yield EffectiveValue(key=key, value=_render(node), place=None if found == BUILT_IN else found)


def _render(node: Node) -> str:
    if isinstance(node.value, str):
        return node.value
    if isinstance(node.value, list):
        return f"[{', '.join(str(item.value) for item in node.value)}]"
    return "{}"
