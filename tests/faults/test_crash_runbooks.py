"""The runbooks under power cuts: at every journal record, also in undoing and in resuming."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drp.engine.tasks import Done, OnProgress, Outcome, Perform, Task
from drp.testing.crash import Crasher, Hit
from tests.faults.stories import STORIES, Ground, build_scenario, find_untold

SAMPLE = 8
"""Points of each runbook in the quick suite; the certificate takes all."""


def test_every_runbook_has_a_story() -> None:
    assert find_untold() == []


@pytest.mark.parametrize("name", STORIES)
@pytest.mark.failure_mode("B1", "B2")
def test_runbook_killed_anywhere_resumes_to_the_same_world(name: str) -> None:
    crasher = Crasher(build_scenario(name), seed=7)
    assert crasher.outcome == STORIES[name].ends
    tally = crasher.crash_everywhere(sample=SAMPLE)
    assert tally.findings == []
    assert tally.crashes >= SAMPLE


@pytest.mark.parametrize("name", [name for name, story in STORIES.items() if story.back])
def test_runbook_killed_anywhere_rolls_back_to_the_world_before(name: str) -> None:
    tally = Crasher(build_scenario(name), seed=11).roll_back_everywhere(sample=SAMPLE)
    assert tally.findings == []


def test_an_undo_that_forgets_is_noticed() -> None:
    scenario = build_scenario("migrate")

    def perform(world: Ground, hit: Hit) -> Perform:
        honest = scenario.perform(world, hit)

        def forgetful(task: Task, progress: OnProgress) -> Outcome:
            forgets = task.phase == "undo" and task.step.action == "volume.create"
            return Done() if forgets else honest(task, progress)

        return forgetful

    tally = Crasher(replace(scenario, perform=perform), seed=7).roll_back_everywhere(sample=10)
    assert any("acme-e0002-mongodb" in finding for finding in tally.findings)
