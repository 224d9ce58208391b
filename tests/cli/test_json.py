"""The stream for machines: every line JSON, hello first, result last, the code that of the process."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from drp.model.values import Json
from tests.cli.shell import Said, Shell
from tests.cli.test_texts import (
    blind,
    block_release,
    damage,
    hide_engine,
    interrupt,
    lease_elsewhere,
    nothing,
)

MOVE = "migrate acme --to dc5 --yes --json"


def is_clean(value: Json) -> bool:
    """No null anywhere: what is not known is the word."""
    if isinstance(value, dict):
        return all(is_clean(each) for each in value.values())
    if isinstance(value, list):
        return all(is_clean(each) for each in value)
    return value is not None


@pytest.mark.parametrize(
    ("prepare", "line"),
    [
        (nothing, MOVE),
        (damage, MOVE),
        (block_release, MOVE),
        (blind, MOVE),
        (lease_elsewhere, MOVE),
        (nothing, "migrate acme --to dc5 --json"),
        (nothing, "migrate hooli --to dc5 --json"),
        (nothing, "status --json"),
        (interrupt, "status 7f3a --json"),
        (interrupt, "resume 7f3a --yes --json"),
        (interrupt, "resume --dry-run --json"),
        (interrupt, "rollback 7f3a --yes --json"),
        (nothing, "check config engines stores dns --json"),
        (hide_engine, "check engines --json"),
        (nothing, "config schema --json"),
        (nothing, "config show --config /nonexistent --json"),
    ],
)
def test_stream_has_the_shape_of_the_contract(
    shell: Shell, prepare: Callable[[Shell], None], line: str
) -> None:
    """Bar 35."""
    prepare(shell)
    said = shell.type(line)
    lines = said.lines()
    assert lines[0]["kind"] == "hello"
    assert lines[0]["v"] == "1.0"
    assert lines[-1]["kind"] == "result"
    assert lines[-1]["exit_code"] == said.code
    assert [each["seq"] for each in lines] == [*range(1, len(lines) + 1)]
    assert [each["kind"] for each in lines].count("result") == 1
    for each in lines:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(each["time"]))
        if each["kind"] != "result":
            assert is_clean(each), each
    assert len(said.err.splitlines()) <= 1


def of_kind(said: Said, kind: str) -> list[dict[str, Json]]:
    return [line for line in said.lines() if line["kind"] == kind]


def test_run_is_named_on_every_line_once_it_has_begun(shell: Shell) -> None:
    lines = shell.type(MOVE).lines()
    first = next(index for index, line in enumerate(lines) if line["kind"] == "run")
    assert {line["run"] for line in lines[first:]} == {"migrate-310304-7f3a"}


def test_run_event_tells_the_way(shell: Shell) -> None:
    (begun, ended) = of_kind(shell.type(MOVE), "run")
    assert (begun["status"], begun["from"], begun["to"], begun["tenant"]) == (
        "begun",
        "dc3/h1",
        "dc5/h3",
        "acme",
    )
    assert ended["status"] == "done"


def test_steps_begin_and_end(shell: Shell) -> None:
    steps = of_kind(shell.type(MOVE), "step")
    begun = [step["step"] for step in steps if step["status"] == "begun"]
    done = {step["step"] for step in steps if step["status"] == "done"}
    assert set(begun) <= done
    assert "restore" in begun
    (restored,) = [step for step in steps if (step["step"], step["status"]) == ("restore", "done")]
    assert isinstance(restored["elapsed_ms"], int)


def test_world_says_unknown_while_it_moves(shell: Shell) -> None:
    worlds = of_kind(shell.type(MOVE), "world")
    assert [world["serves"] for world in worlds] == ["dc3", "dc3", "unknown", "dc5"]
    assert [world["writes"] for world in worlds] == [True, False, "unknown", True]
    assert "probed" not in worlds[2]


def test_result_carries_what_was_measured(shell: Shell) -> None:
    (result,) = of_kind(shell.type(MOVE), "result")
    data = result["data"]
    assert isinstance(data, dict)
    assert data["serves"] == "dc5"
    assert isinstance(data["freeze_ms"], int)
    assert isinstance(data["content"], dict)
    assert data["content"]["documents"] == 3


def test_plan_is_all_in_the_result(shell: Shell) -> None:
    said = shell.type("plan migrate acme --to dc5 --json")
    assert [line["kind"] for line in said.lines()] == ["hello", "result"]
    data = said.lines()[-1]["data"]
    assert isinstance(data, dict)
    steps = data["steps"]
    assert isinstance(steps, list)
    assert len(steps) >= 40
    for step in steps:
        assert isinstance(step, dict)
        assert {"id", "action", "stage", "needs", "verdict"} <= step.keys()


def test_error_is_taken_apart(shell: Shell) -> None:
    (error,) = of_kind(shell.type("migrate acme --to dc3 --json"), "error")
    assert (error["code"], error["error"]) == ("A8", "refused")
    assert (error["verb"], error["object"]) == ("migrate", "acme")
    assert str(error["cause"]).startswith("dc3 serves it already, since ")


def test_unanswered_question_names_its_flag(shell: Shell) -> None:
    said = shell.type("migrate acme --to dc5 --json")
    (question,) = of_kind(said, "question")
    assert question["flag"] == "--yes"
    assert said.code == 4
