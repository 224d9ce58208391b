"""The written contract says what the code does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import drp.cli
from drp.commands import events
from drp.commands.endings import ENDINGS

README = (Path(drp.cli.__file__).parent / "README.md").read_text()


def test_every_kind_of_event_is_in_the_table() -> None:
    for event in get_args(events.Event):
        assert f"| `{event.kind}` |" in README


def test_every_field_of_an_event_is_in_its_row() -> None:
    kinds = README.partition("## Kinds")[2].splitlines()
    for event in get_args(events.Event):
        row = next(line for line in kinds if line.startswith(f"| `{event.kind}` |"))
        for name in event.__dataclass_fields__:
            shown = {"source": "from", "target": "to"}.get(name, name)
            assert f"`{shown}`" in row or name in ("run", "stages", "kind"), f"{event.kind}.{name}"


def test_exit_codes_are_those_of_the_code() -> None:
    rows = re.findall(r"^\| (\d+) \| ([a-z-]+) \|", README, flags=re.M)
    assert rows == [(str(ending.code), ending.word) for ending in ENDINGS]
