"""Power cuts everywhere in random graphs."""

from __future__ import annotations

import pytest

from drp.engine.journal import Draft, MemoryJournal, Record, Stamp
from drp.testing.blocks import build_plan, build_scenario, build_step, crash_blocks, draw_scenario
from drp.testing.crash import Crasher, Machine

ENOUGH = 400
"""Crashes that the engine survives here; the certificate has the full number."""


def test_engine_crashed_anywhere_ends_in_the_same_world() -> None:
    tally = crash_blocks(ENOUGH, seed=1, sample=6)

    assert tally.findings == []
    assert tally.crashes >= ENOUGH


@pytest.mark.parametrize("outcome", ["done", "rolled-back", "stopped", "partial", "unknown", "stuck"])
def test_random_scenarios_reach_every_outcome(outcome: str) -> None:
    seeds = range(100)

    assert any(Crasher(draw_scenario(seed), seed=seed).outcome == outcome for seed in seeds)


def test_points_include_undo_resume_and_the_moment_between_failure_and_turn() -> None:
    plan = build_plan(build_step("a"), build_step("b", "a", fail={"apply": -1}))
    crasher = Crasher(build_scenario(plan))

    assert crasher.outcome == "rolled-back"
    wanted = {
        "after-failed:b",
        "before-turn:run-1",
        "undo-middle:a",
        "undo-after-effect:a",
        "after-ended:run-1",
    }
    assert wanted <= set(crasher.points)


def test_harness_notices_a_second_resume_that_writes() -> None:
    plan = build_plan(build_step("a"))

    class Restless(MemoryJournal):
        def read(self) -> list[Record]:
            records = super().read()
            if records and records[-1].kind == "ended":
                self.append([Draft(kind="resumed")], Stamp(time=records[-1].time, actor="x", epoch=0))
            return records

    findings = Crasher(build_scenario(plan), machine=Machine(journal=Restless)).crash_everywhere().findings

    assert any("second resume" in finding for finding in findings)
