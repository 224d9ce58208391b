"""Every code that drp can show has a page, every page is of some use, and what it says can be typed."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from pathlib import Path

import pytest

import drp
from drp.cli.arguments import parse_arguments
from drp.commands.events import build_error_events, code_of
from drp.commands.explain import explain, pages
from drp.dataplane.wire import parse_error, render_error
from drp.engine.tasks import Failed
from drp.errors import DrpError, RefusedError, UsageError

ROOT = Path(drp.__file__).parent
FILLED = {"TENANT": "acme", "SITE": "dc5", "RUN": "7f3a", "NAME": "tsig", "FILE": "drp.key"}


def iter_shown() -> set[str]:
    """Codes given to errors (``page``) and to findings (``code``) anywhere in drp."""
    found = set()
    for path in ROOT.rglob("*.py"):
        if "testing" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.keyword) or node.arg not in ("page", "code"):
                continue
            for value in ast.walk(node.value):
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    found.add(value.value)
    return {code for code in found if code[:1].isupper() and code[1:].isdigit()}


def iter_kinds(root: type[DrpError] = DrpError) -> set[str]:
    """Names of all classes of errors that the control plane knows."""
    for module in pkgutil.walk_packages(drp.__path__, "drp."):
        if not module.name.startswith(("drp.dataplane", "drp.testing", "drp.__main__")):
            importlib.import_module(module.name)
    found, todo = set(), [*root.__subclasses__()]
    while todo:
        kind = todo.pop()
        todo += kind.__subclasses__()
        if not kind.__module__.startswith(("drp.dataplane", "drp.testing", "tests.")):
            found.add(kind.__name__)
    # never raised as such: its subclasses say what it was
    return found - {"ProviderError"}


def test_every_code_that_is_shown_has_a_page_and_no_page_is_dead() -> None:
    shown = iter_shown()
    assert len(shown) > 30
    assert shown == {code for code in pages() if code[0].isupper()}


def test_every_kind_of_error_has_a_page_and_no_page_is_dead() -> None:
    words = {code_of(kind) for kind in iter_kinds()}
    assert words == {code for code in pages() if code[0].islower()}


@pytest.mark.parametrize("code", pages())
def test_commands_of_a_page_can_be_typed(code: str) -> None:
    for command in pages()[code].next:
        typed, _, purpose = command.partition("  ")
        assert purpose
        words = [FILLED.get(word, word) for word in typed.split()]
        assert words[0] == "drp"
        if words[1] != "--help":
            assert parse_arguments(words[1:]) is not None
        for named in [words[2]] if words[1] == "explain" else []:
            assert named in pages()


@pytest.mark.parametrize("code", pages())
def test_a_page_is_short_and_fits(code: str) -> None:
    lines = explain(code).lines
    assert len(lines) <= 16
    assert max(len(line) for line in lines) <= 100


def test_a_code_is_found_in_any_case_of_letters() -> None:
    assert explain("c5") == explain("C5")
    with pytest.raises(UsageError, match="cannot explain 'X1': there is no such code"):
        explain("X1")


def test_a_code_comes_through_journal_and_wire_and_into_the_event() -> None:
    error = RefusedError("cannot place 'acme': no room", page="C5")
    failed = Failed.from_json(Failed.of(error).to_json())
    assert failed.page == "C5"
    assert Failed.from_json({"error": "RefusedError", "message": "from an older journal"}).page == ""
    line = ast.literal_eval(render_error(error))
    assert parse_error(line).page == "C5"
    (event,) = build_error_events(error)
    assert (event.code, event.error) == ("C5", "refused")
    (event,) = build_error_events(RefusedError("cannot place 'acme': no room"))
    assert (event.code, event.error) == ("refused", "refused")
