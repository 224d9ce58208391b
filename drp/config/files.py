"""Which files make up the configuration, and their merging into one tree.

Every ``*.yml`` below the folder is read, in the order of their names. Left out are what is hidden, what
ends in ``.example.yml``, and the folder ``hosts`` (the set-up of machines, which is not drp's to read).
Maps merge over files; the same entry twice is a problem, but for ``version``, which each file may state.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from drp.config.yaml import Node, load_yaml
from drp.errors import ConfigError, Place, Problem

NOT_READ: Final = "hosts"
_IN_EACH_FILE: Final = "version"
_EXAMPLE: Final = ".example.yml"
_INIT: Final = "Write a first one with `drp config init`."


@dataclass(slots=True)
class Tree:
    """The merged configuration, and what was wrong while it was merged."""

    root: Node
    problems: list[Problem] = field(default_factory=list)


def find_files(folder: Path) -> list[Path]:
    """The files that are read, sorted by path."""
    found = [path for path in folder.rglob("*.yml") if path.is_file() and _is_read(path.relative_to(folder))]
    return sorted(found)


def load_tree(folder: Path) -> Tree:
    """Read and merge all files. Raises ConfigError when a file cannot be read as YAML or there is none.

    Entries that stand in two places are collected in the tree; the first one counts.
    """
    files = find_files(folder)
    if not files:
        place = Place(folder.as_posix(), 1, 1)
        raise ConfigError([Problem(place, "cannot read configuration: no *.yml file is there", _INIT)])
    roots, problems = _load_all(files)
    problems += _misnamed(folder)
    if problems:
        raise ConfigError(problems)
    tree = Tree(roots[0])
    for root in roots[1:]:
        tree.root = _merge(tree.root, root, path="", problems=tree.problems)
    return tree


def _is_read(relative: Path) -> bool:
    hidden = any(part.startswith(".") for part in relative.parts)
    return not hidden and relative.parts[0] != NOT_READ and not relative.name.endswith(_EXAMPLE)


def _misnamed(folder: Path) -> list[Problem]:
    """A file that looks as if it were read must be read."""
    found = [path for path in folder.rglob("*.yaml") if path.is_file() and _is_read(path.relative_to(folder))]
    return [
        Problem(Place(path.as_posix(), 1, 1), "this file is not read", "Rename it: names end in .yml.")
        for path in sorted(found)
    ]


def _load_all(files: list[Path]) -> tuple[list[Node], list[Problem]]:
    roots: list[Node] = []
    problems: list[Problem] = []
    for path in files:
        try:
            root = load_yaml(path, path.as_posix())
        except ConfigError as error:
            problems += error.problems
            continue
        if isinstance(root.value, dict):
            roots.append(root)
        else:
            problems.append(Problem(root.place, "cannot read configuration: a map of settings is expected"))
    return roots, problems


def _merge(first: Node, second: Node, *, path: str, problems: list[Problem]) -> Node:
    """Both are maps; the place is that of the first."""
    assert isinstance(first.value, dict)
    assert isinstance(second.value, dict)
    values = dict(first.value)
    places = dict(first.key_places)
    for key, node in second.value.items():
        dotted = f"{path}{key}"
        if key not in values:
            values[key], places[key] = node, second.key_places[key]
        elif isinstance(values[key].value, dict) and isinstance(node.value, dict):
            values[key] = _merge(values[key], node, path=f"{dotted}.", problems=problems)
        elif dotted != _IN_EACH_FILE or values[key].value != node.value:
            hint = f"It is also at {places[key]}."
            problems.append(Problem(second.key_places[key], f"'{dotted}' is here twice", hint))
    return Node(values, first.place, places)
