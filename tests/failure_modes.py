"""Which failure modes have a test: read from the tests themselves, written into tests/README.md.

A test names the rows it covers by ``@pytest.mark.failure_mode("A5")``, or its name begins with one:
``test_c19_…``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

TESTS: Final = Path(__file__).parent
_HINT: Final = re.compile(r"failure_mode\(|def test_[a-z]\d+_")
_NAMED: Final = re.compile(r"test_([a-z]\d+)_")

ROWS: Final = {
    "A2": "Alive for clients and dead for drp, or the reverse",
    "A3": "The operator's own machine is cut off",
    "A5": "Two orders at the same moment",
    "A6": "A move is under way when the site is given up",
    "A7": "A drill is running when the disaster comes",
    "A8": "The order means more than was thought",
    "A9": "A stale plan",
    "B1": "Killed between an effect and its record",
    "B2": "Killed between a record and its effect",
    "B3": "The journal is torn",
    "B4": "The machine that ran drp is gone",
    "B5": "The last records never reached the copy",
    "B6": "A step hangs without an error",
    "B7": "A paused process wakes up without its lease",
    "B8": "A take-over of a run that is still at work",
    "B9": "Clocks differ",
    "B10": "Another version of drp goes on with the run",
    "B13": "Cancelled, but still at work",
    "B14": "A cancel leaves nobody serving",
    "B15": "Secrets in logs, journals or reports",
    "B16": "The way back fails",
    "B17": "A lease left behind by a dead process",
    "B18": "The witness is away",
    "C4": "An engine does not answer",
    "C5": "No subnet is free",
    "C7": "A volume with old data",
    "C8": "The target's disk is full",
    "C12": "Images only where the site is dead",
    "C17": "Isolation is broken",
    "C19": "A host restarts",
    "C20": "A proxy's configuration does not load",
    "D1": "A backup is cut",
    "D2": "A bit of a backup has changed",
    "D3": "A backup that holds nothing",
    "D4": "Backups only where the site is dead",
    "D5": "Keys only where the site is dead",
    "D6": "A backup is removed while it is read",
    "D7": "An older backup is taken for the newest",
    "H1": "The old site comes back",
    "H3": "The old site cannot be reached to be fenced",
    "H4": "The old site takes names back",
    "H7": "What is left disagrees who serves",
    "I7": "A drill reaches the world",
    "J6": "Something of a drill is left behind",
    "K2": "Nobody knows whom to tell",
    "L1": "Not everybody fits",
    "L2": "One giant holds everybody up",
    "L4": "A sick tenant",
    "L7": "Nothing protects the new place",
    "L9": "A common cause",
    "L10": "A tenant that the inventory does not know",
    "L12": "The reserve loses a host as well",
    "L13": "Only some go home",
    "L15": "Copies in the same building",
}
"""Row -> what goes wrong, in short."""


@cache
def find_covered() -> dict[str, list[str]]:
    """Row -> the tests that carry its name, as ``folder/file.py: words``; in the order of the rows."""
    found: dict[str, list[str]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)) if _HINT.search(text) else ():
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for row in _rows(node):
                    words = node.name.removeprefix("test_").replace("_", " ")
                    found.setdefault(row, []).append(f"`{path.relative_to(TESTS)}`: {words}")
    return dict(sorted(found.items(), key=lambda item: (item[0][0], int(item[0][1:]))))


def _rows(test: ast.FunctionDef) -> Iterator[str]:
    if match := _NAMED.match(test.name):
        yield match[1].upper()
    for mark in test.decorator_list:
        if isinstance(mark, ast.Call) and ast.unparse(mark.func).endswith("mark.failure_mode"):
            yield from (str(argument.value) for argument in mark.args if isinstance(argument, ast.Constant))


def render_table() -> str:
    lines = ["| row | what goes wrong | tests |", "|---|---|---|"]
    for row, tests in find_covered().items():
        lines.append(f"| {row} | {ROWS[row]} | {'; '.join(tests)} |")
    return "\n".join(lines)
