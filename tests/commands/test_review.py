"""Plans as they are shown."""

from __future__ import annotations

from datetime import timedelta

import pytest

from drp.commands.review import find_difference
from drp.errors import UnreachableError
from drp.model.values import Json
from tests.commands.bench import Bench


def test_plan_says_what_would_be_done_and_touches_nothing(bench: Bench) -> None:
    before = bench.company.dump()
    found = bench.plan("migrate", "dc5")
    words = {verdict.step.id: verdict.word for verdict in found.verdicts}
    assert (found.source, found.target, found.command) == ("dc3/h1", "dc5/h3", "migrate acme --to dc5")
    assert words["volume/acme-e0002-mongodb"] == "would"
    assert words["egress"] == "already"
    assert bench.company.dump() == before
    assert not bench.state.exists()


def test_plan_of_the_same_world_has_the_same_name_later(bench: Bench) -> None:
    first = bench.plan("migrate", "dc5")
    bench.company.clock.advance(timedelta(hours=3))
    assert bench.plan("migrate", "dc5").digest == first.digest


def test_plan_of_another_world_has_another_name(bench: Bench) -> None:
    first = bench.plan("migrate", "dc5")
    bench.launch("migrate", "dc5")
    bench.launch("migrate", "dc3")
    assert bench.plan("migrate", "dc5").digest != first.digest


def test_step_that_cannot_be_seen_is_not_guessed(bench: Bench) -> None:
    bench.company.edges["h4"].fail_next("is_held", UnreachableError("cannot reach 'h4': no answer"), times=9)
    verdicts = {verdict.step.id: verdict for verdict in bench.plan("migrate", "dc5").verdicts}
    assert verdicts["hold/h4"].word == "cannot-tell"
    assert verdicts["hold/h4"].detail == "cannot reach 'h4': no answer"
    assert verdicts["hold/h1"].word == "would"


def test_plan_as_json_has_every_step_with_its_needs(bench: Bench) -> None:
    data = bench.plan("migrate", "dc5").to_json()
    steps = data["steps"]
    assert isinstance(steps, list)
    assert len(steps) >= 40
    ids = {step["id"] for step in steps if isinstance(step, dict)}
    for step in steps:
        assert isinstance(step, dict)
        assert set(step["needs"]) <= ids  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ({"a": 1}, {"a": 1}, ""),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, "a.b.1 is 3, planned 2"),
        ({"a": "x"}, {}, "a is null, planned x"),
        ({"a": [1]}, {"a": [1, 2]}, "a is [1,2], planned [1]"),
        ({"a": "x" * 60}, {"a": "y"}, f"a is y, planned {'x' * 37}…"),
    ],
)
def test_find_difference_names_the_first_place(old: Json, new: Json, text: str) -> None:
    assert find_difference(old, new) == text
