from __future__ import annotations

import pytest

from drp.engine.faults import Kill, NoFaults, load_faults, point_after, point_after_effect, point_before
from drp.engine.journal import Draft
from drp.testing.blocks import build_plan, build_scenario, build_step
from drp.testing.crash import Crasher


def test_points_of_a_run_in_order() -> None:
    crasher = Crasher(build_scenario(build_plan(build_step("a"))))

    assert crasher.points == [
        "before-plan:run-1",
        "after-plan:run-1",
        "observe-before:a",
        "observe-after:a",
        "before:a",
        "after-start:a",
        "middle:a",
        "after-effect:a",
        "before-done:a",
        "before-ended:run-1",
        "after-end:a",
        "after-ended:run-1",
    ]


def test_points_of_going_back() -> None:
    plan = build_plan(build_step("a"), build_step("b", "a", fail={"observe": -1}))
    points = Crasher(build_scenario(plan)).points

    assert points[points.index("after-turn:run-1") :] == [
        "after-turn:run-1",
        "undo-after-start:a",
        "undo-middle:a",
        "undo-after-effect:a",
        "before-undone:a",
        "before-ended:run-1",
        "undo-after-end:a",
        "after-ended:run-1",
    ]
    assert "undo-before:a" in points


@pytest.mark.parametrize(
    ("draft", "before", "after"),
    [
        (Draft(kind="start", step="a"), "before:a", "after-start:a"),
        (Draft(kind="done", step="a"), "before-done:a", "after-end:a"),
        (Draft(kind="undo", step="a"), "undo-before:a", "undo-after-start:a"),
        (Draft(kind="undone", step="a"), "before-undone:a", "undo-after-end:a"),
        (Draft(kind="turn"), "before-turn:r", "after-turn:r"),
    ],
)
def test_names_of_points(draft: Draft, before: str, after: str) -> None:
    assert (point_before(draft, "r"), point_after(draft, "r")) == (before, after)


def test_point_after_an_effect_names_the_phase() -> None:
    found = [point_after_effect(phase, "a") for phase in ("observe", "apply", "undo")]

    assert found == ["observe-after:a", "after-effect:a", "undo-after-effect:a"]


def test_no_variable_means_no_faults() -> None:
    assert isinstance(load_faults({}), NoFaults)


def test_variable_names_a_glob_and_perhaps_a_count() -> None:
    assert isinstance(load_faults({"DRP_FAULT": "after-effect:restore*#2"}), Kill)


def test_point_that_does_not_match_lets_the_process_live() -> None:
    faults = Kill("after-effect:restore*")

    faults.hit("after-effect:backup")
