"""What can be typed, and what is said about what cannot."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import drp
from drp.cli.arguments import parse_arguments
from drp.cli.grammar.catalogue import VERBS
from drp.cli.help import OVERVIEW
from drp.cli.invocation import Common, Invocation
from drp.cli.verbs.running import DO
from drp.errors import UsageError
from tests.cli.shell import GOLDEN, check_golden

MOVE = Invocation(verb="migrate", subject="acme", site="dc5", common=Common())


def parse(line: str) -> Invocation:
    found = parse_arguments(shlex.split(line))
    assert found is not None
    return found


@pytest.mark.parametrize(
    "line",
    [
        "migrate acme --to dc5 --json --config c --yes",
        "--json --config c --yes migrate acme --to dc5",
        "--yes --config=c migrate --json acme --to dc5",
        "--json migrate acme --to dc5 --yes --config c",
    ],
)
def test_common_options_stand_before_or_after_the_verb(line: str) -> None:
    """Bar 4."""
    assert parse(line) == Invocation(
        verb="migrate", subject="acme", site="dc5", common=Common(json=True, yes=True, config=Path("c"))
    )


@pytest.mark.parametrize(
    "line",
    [
        "plan migrate acme --to dc5",
        "migrate acme --to dc5 --dry-run",
        "--dry-run migrate acme --to dc5",
    ],
)
def test_plan_and_dry_run_are_one_invocation(line: str) -> None:
    assert parse(line) == Invocation(verb="migrate", subject="acme", site="dc5", common=Common(dry_run=True))


def test_option_after_a_group_belongs_to_its_verb() -> None:
    assert parse("--json config show acme").common.json
    assert parse("config show acme --json").subject == "acme"


def test_common_options_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRP_STATE", "/srv/state")
    assert parse("status").common.state == Path("/srv/state")


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("migrate acme", "missing option '--to'", "See `drp migrate --help`."),
        ("migrate", "missing argument 'TENANT'", "See `drp migrate --help`."),
        ("migrat acme", "no such command 'migrat'", "Did you mean `drp migrate`?"),
        ("shwo", "no such command 'shwo'", "Did you mean `drp config show`?"),
        ("secret list", "no such command 'secret'", "Did you mean `drp secrets list`?"),
        ("status --jsn", "no such option: --jsn", "See `drp status --help`."),
        ("--force migrate acme --to dc5", "no such option: --force", "See `drp migrate --help`."),
        ("migrate acme --to dc5 extra", "unexpected extra argument", "See `drp migrate --help`."),
        ("migrate acme --to dc5 --out x", "--out keeps plans only", "See `drp migrate --help`."),
        ("migrate acme --plan x", "a plan takes no other argument", "See `drp migrate --help`."),
        ("plan retire acme", "missing option '--from'", "See `drp retire --help`."),
        ("frobnicate", "no such command 'frobnicate'", "See `drp --help`."),
    ],
)
def test_wrong_arguments(line: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as wrong:
        parse_arguments(line.split())
    assert message in wrong.value.message
    assert wrong.value.hint == hint


def test_every_verb_does_something() -> None:
    assert VERBS.keys() == DO.keys()


def test_kept_plan_stands_for_all_arguments() -> None:
    found = parse("migrate --plan acme.plan --yes")
    assert (found.subject, found.plan) == ("", Path("acme.plan"))


@pytest.mark.parametrize("example", [example for verb in VERBS.values() for example in verb.examples])
def test_examples_of_the_help_parse(example: str) -> None:
    """Bar 3."""
    assert example.startswith("drp ")
    parse(example.removeprefix("drp "))


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_a_verb(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert parse_arguments([*verb.split(), "--help"]) is None
    text = capsys.readouterr().out
    for example in VERBS[verb].examples:
        assert example in text
    assert "Exit codes:" in text
    assert max(len(line) for line in text.splitlines()) <= 100


def test_words_of_the_help(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    parse_arguments(["--help"])
    parse_arguments(["migrate", "--help"])
    check_golden("help", capsys.readouterr().out)


def text_of(node: ast.AST) -> str:
    """A literal, or an f-string with its expressions in braces."""
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return f"{{{ast.unparse(node.value)}}}"
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


@cache
def list_nodes(path: Path) -> list[ast.AST]:
    return [*ast.walk(ast.parse(path.read_text()))]


def iter_texts(path: Path) -> Iterator[str]:
    """Texts of a module that can reach somebody: all but docstrings."""
    nodes = list_nodes(path)
    silent = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    yield from (text_of(node) for node in nodes if id(node) not in silent)


def iter_hints() -> list[str]:
    """Commands in backticks in the texts of drp and in what it has said, placeholders still open."""
    sources = [path for path in Path(drp.__file__).parent.rglob("*.py") if "testing" not in path.parts]
    texts = [text for path in sources for text in iter_texts(path)]
    said = [path.read_text() for path in GOLDEN.glob("*.txt")]
    found = {command for text in [*texts, *said] for command in re.findall(r"`(drp [^`]+)`", text)}
    run_it = {command for text in said for command in re.findall(r"(?:run it|again): (drp [^·\n]+)", text)}
    return sorted(" ".join(command.split()) for command in found | run_it)


FILLED = {
    "{review.command}": "migrate acme --to dc5",
    "{shown.command}": "failover --from dc3 --to dc5 --all",
    "{report.command}": "migrate acme --to dc5",
    "{command}": "migrate acme --to dc5",
    "{report.next}": "retire acme --from dc3",
    "{nearest}": "status",
    "{named}": "status",
}


@pytest.mark.parametrize("hint", iter_hints())
def test_commands_in_hints_can_be_typed(hint: str) -> None:
    """Bar 19."""
    for place, text in FILLED.items():
        hint = hint.replace(place, text)
    words = shlex.split(re.sub(r"\{[^}]*\}", "x", hint).removeprefix("drp "))
    if words == ["plan"]:
        # as the name of the group
        return
    parse_arguments(words)


def test_overview_is_short_and_names_five_verbs() -> None:
    """Bar 1."""
    lines = OVERVIEW.splitlines()
    assert len(lines) <= 24
    typed = [line.split("  ")[1].strip() for line in lines if line.startswith("  drp ")]
    assert len(typed) == 5
    for line in typed:
        words = line.replace("[RUN]", "").replace("TENANT", "acme").replace("SITE", "dc5").split()
        parse(" ".join(words[1:]))
