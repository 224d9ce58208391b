"""Each planted bug shows on random graphs and on a real runbook."""

from __future__ import annotations

import pytest

from drp.testing.blocks import build_plan, build_scenario, build_step
from drp.testing.crash import Crasher, Machine
from tests.faults.planted import PLANTED, ForgetfulJournal


@pytest.mark.parametrize("bug", PLANTED)
def test_planted_bug_is_noticed_on_random_graphs(bug: str) -> None:
    assert any(PLANTED[bug].find_in_graph(seed, sample=6).findings for seed in range(1, 60))


@pytest.mark.parametrize("bug", [bug for bug, planted in PLANTED.items() if planted.story])
def test_planted_bug_is_noticed_on_a_real_runbook(bug: str) -> None:
    assert PLANTED[bug].find_in_story(seed=3, sample=6).findings


def test_planted_bug_shows_only_under_power_cuts_when_it_can() -> None:
    """Without a cut a forgetful journal does no harm: it is the crash that finds it, not the plain run."""
    plan = build_plan(build_step("a"), build_step("b", "a", fail={"apply": -1}))
    crasher = Crasher(build_scenario(plan), machine=Machine(journal=ForgetfulJournal))

    assert crasher.tally.findings == []
    assert crasher.crash_everywhere().findings
