"""The runbooks under power cuts: at every journal record, also in undoing and in resuming."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import timedelta
from functools import cache

import pytest

from drp.actions.catalogue import Performer
from drp.engine.tasks import Done, OnProgress, Outcome, Perform, Task
from drp.testing.company import FakeCompany
from drp.testing.crash import Crasher, Hit, Scenario
from drp.testing.databases import State
from tests.actions.runs import compile_order, deploy, run_plan
from tests.actions.test_runs import without_burnt

VERBS = ("deploy", "migrate", "retire")
SAMPLE = 12
"""Points of each runbook in the quick suite; the certificate takes all."""


@cache
def build_company(verb: str) -> FakeCompany:
    """The company as it stands when the verb begins."""
    company = FakeCompany()
    if verb in ("migrate", "retire"):
        deploy(company)
    if verb == "retire":
        result = run_plan(company, compile_order(company, "migrate", site="dc5", number=2))
        assert result.outcome == "done"
        company.clock.advance(timedelta(seconds=2 * company.inventory.dns.ttl))
    return company


def build_scenario(verb: str, *, damaged: bool = False) -> Scenario[FakeCompany]:
    """A runbook on the company; ``damaged``: the data that arrive are not those that were sent."""
    first = build_company(verb)
    site = {"deploy": "dc3", "migrate": "dc5", "retire": "dc3"}[verb]
    plan = compile_order(first, verb, site=site, number=9)

    def make_world() -> FakeCompany:
        world = copy.deepcopy(first)
        if damaged:
            world.databases.damage_restored = _damage
        return world

    def perform(world: FakeCompany, hit: Hit) -> Perform:
        world.helpers.hit = hit
        return Performer(reading=world, writing=world, run=plan.run, actor="tester")

    return Scenario(
        plan=plan,
        make_world=make_world,
        perform=perform,
        dump=lambda world: without_burnt(world.dump()),
        clock=lambda world: world.clock,
    )


def _damage(state: State) -> None:
    state["collections"]["app.orders"]["documents"][0] = "altered"


@pytest.mark.parametrize("verb", VERBS)
def test_runbook_killed_anywhere_resumes_to_the_same_world(verb: str) -> None:
    crasher = Crasher(build_scenario(verb), seed=7)
    assert crasher.outcome == "done"
    tally = crasher.crash_everywhere(sample=SAMPLE)
    assert tally.findings == []
    assert tally.crashes >= SAMPLE


@pytest.mark.parametrize("verb", ["deploy", "migrate"])
def test_runbook_killed_anywhere_rolls_back_to_the_world_before(verb: str) -> None:
    tally = Crasher(build_scenario(verb), seed=11).roll_back_everywhere(sample=SAMPLE)
    assert tally.findings == []


def test_migration_that_fails_is_taken_back_under_power_cuts() -> None:
    crasher = Crasher(build_scenario("migrate", damaged=True), seed=13)
    assert crasher.outcome == "rolled-back"
    tally = crasher.crash_everywhere(sample=SAMPLE)
    assert tally.findings == []
    assert tally.crashes >= SAMPLE


def test_an_undo_that_forgets_is_noticed() -> None:
    scenario = build_scenario("migrate")

    def perform(world: FakeCompany, hit: Hit) -> Perform:
        honest = scenario.perform(world, hit)

        def forgetful(task: Task, progress: OnProgress) -> Outcome:
            forgets = task.phase == "undo" and task.step.action == "volume.create"
            return Done() if forgets else honest(task, progress)

        return forgetful

    tally = Crasher(replace(scenario, perform=perform), seed=7).roll_back_everywhere(sample=10)
    assert any("acme-e0002-mongodb" in finding for finding in tally.findings)
