"""Servers are built from what is pinned, and from nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.lab.machine import LabError
from tests.lab.programs import (
    ensure_program,
    find_go_version,
    find_program,
    load_pins,
    parse_version,
    require_program,
)


@pytest.mark.parametrize(
    ("text", "version"), [("1.26.8", (1, 26, 8)), ("1.25", (1, 25)), ("1.23rc1", (1, 23)), ("devel", ())]
)
def test_versions_are_compared_as_numbers(text: str, version: tuple[int, ...]) -> None:
    assert parse_version(text) == version


def test_a_machine_without_go_has_no_version(tmp_path: Path) -> None:
    assert find_go_version(tmp_path / "go") == ()


def test_every_pin_is_built() -> None:
    for name, pin in load_pins().items():
        assert require_program(name) == pin.program
        assert pin.program.stat().st_size > 10_000_000


def test_what_a_program_is_built_from_is_in_its_place() -> None:
    pin = load_pins()["versitygw"]
    changed = [replace(pin, version="v9.9.9"), replace(pin, sum="h1:x"), replace(pin, files={"a": "b"})]
    assert len({one.program for one in [pin, *changed]}) == 4


def test_a_module_with_another_sum_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Go that downloads something else stands first on the path."""
    said = json.dumps({"Sum": "h1:something-else", "Dir": str(tmp_path)})
    go = tmp_path / "go"
    go.write_text(f"#!/bin/sh\ncase $1 in env) echo go1.99.0 ;; mod) echo '{said}' ;; *) exit 9 ;; esac\n")
    go.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(LabError, match="sum of the module is h1:something-else"):
        ensure_program(replace(load_pins()["versitygw"], version="v0.0.0-never"))


def test_a_missing_program_names_the_way_to_it() -> None:
    with pytest.raises(LabError, match="make setup"):
        find_program("no-such-program")
