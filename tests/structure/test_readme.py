"""What the README says is so: its commands parse, its targets and links exist, it is short."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from drp.cli.arguments import parse_arguments
from drp.cli.grammar.catalogue import VERBS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text()


def find_commands() -> list[str]:
    """The indented lines that are typed, without their comments."""
    lines = [line.strip() for line in TEXT.splitlines() if line.startswith("    ")]
    return [line.partition("#")[0].strip() for line in lines]


@pytest.mark.parametrize("command", [c for c in find_commands() if c.startswith("drp ")])
def test_readme_command_parses(command: str) -> None:
    assert parse_arguments(command.split()[1:]) is not None


@pytest.mark.parametrize("command", [c for c in find_commands() if c.startswith("make ")])
def test_readme_target_exists(command: str) -> None:
    target = command.split()[1]
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", TEXT))
def test_readme_link_leads_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


def test_readme_is_short() -> None:
    assert len(TEXT.splitlines()) <= 120


def test_readme_exit_codes_are_those_of_the_program() -> None:
    listed = {int(n) for row in re.findall(r"^\| ([\d, ]+) \|", TEXT, re.MULTILINE) for n in row.split(",")}
    assert listed == {0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 70, 130}


def test_readme_has_every_verb() -> None:
    table = TEXT.partition("## Verbs")[2].partition("\n## ")[0]
    assert {verb.split()[0] for verb in VERBS} - {*re.findall(r"`([a-z]+)`", table)} == set()
