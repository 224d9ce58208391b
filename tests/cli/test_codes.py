"""Every exit code, and that no other occurs."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

import drp
from drp.cli.grammar.catalogue import VERBS
from drp.commands.endings import ENDINGS
from tests.cli.shell import Shell
from tests.cli.test_arguments import list_nodes
from tests.cli.test_texts import (
    blind,
    block_release,
    damage,
    damage_and_block,
    hide_engine,
    lease_elsewhere,
    nothing,
)

MOVE = "migrate acme --to dc5 --yes -q"


def cancel(shell: Shell) -> None:
    shell.interrupts = 1


def break_it(shell: Shell) -> None:
    def fail(_: object) -> None:
        raise ZeroDivisionError("secret 4711")

    shell.open = fail  # type: ignore[assignment]


def empty(shell: Shell) -> None:
    shell.state.parent.joinpath("empty").mkdir()


@pytest.mark.parametrize(
    ("code", "prepare", "line"),
    [
        (0, nothing, MOVE),
        (2, nothing, "migrate hooli --to dc5"),
        (4, nothing, "migrate acme --to dc3"),
        (5, lease_elsewhere, MOVE),
        (6, damage, MOVE),
        (7, damage_and_block, MOVE),
        (8, nothing, f"{MOVE} --ask-later"),
        (9, block_release, MOVE),
        (10, blind, MOVE),
        (11, hide_engine, "check engines"),
        (70, break_it, "status"),
        (130, cancel, MOVE),
    ],
)
def test_code(shell: Shell, code: int, prepare: Callable[[Shell], None], line: str) -> None:
    """Bar 12."""
    prepare(shell)
    said = shell.type(line)
    assert said.code == code
    # the same in JSON: the last line says the code the process ends with
    assert f"exit {code}" in said.out + said.err


def test_code_of_an_invalid_configuration(shell: Shell, tmp_path: Path) -> None:
    """Bar 12."""
    assert shell.type(f"config show --config {tmp_path}").code == 3


def test_help_names_only_codes_that_exist() -> None:
    known = {ending.code for ending in ENDINGS}
    assert all(set(verb.codes) <= known for verb in VERBS.values())


def test_nothing_else_ends_the_process() -> None:
    """No module of drp but the entry point calls exit."""
    root = Path(drp.__file__).parent
    for path in root.rglob("*.py"):
        if path.name == "__main__.py" or "dataplane" in path.parts or "testing" in path.parts:
            continue
        for node in list_nodes(path):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
                assert name not in ("exit", "_exit"), f"{path}:{node.lineno}"


def test_bug_shows_no_traceback_but_names_its_log(shell: Shell) -> None:
    """Bar 20."""
    break_it(shell)
    said = shell.type("status")
    assert "Traceback" not in said.err
    assert "4711" not in said.err
    (log,) = shell.state.glob("bug-*.log")
    assert str(log) in said.err
    assert "ZeroDivisionError" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


def test_traceback_is_written_for_bugs_only(shell: Shell) -> None:
    """Bar 20."""
    damage(shell)
    shell.type(MOVE)
    shell.type("status zzzz")
    assert [*shell.state.glob("bug-*.log")] == []
