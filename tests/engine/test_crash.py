"""Power cuts everywhere, and seven planted bugs that must not go unnoticed."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest

from drp.engine.bounds import Bounds
from drp.engine.graph import Frontier, Graph
from drp.engine.journal import Draft, MemoryJournal, Record, Stamp
from drp.engine.runner import Runner
from drp.engine.tasks import Absent, Done, OnProgress, Outcome, Perform, Present, Task
from drp.engine.workers import Message
from drp.testing.blocks import Blocks, build_plan, build_scenario, build_step, crash_blocks, draw_scenario
from drp.testing.crash import Crasher, Hit, Machine, Scenario, SteppedWorkers

ENOUGH = 400
"""Crashes within which each planted bug must show; the right engine survives all of them."""


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


class BlindHands:
    """Never looks."""

    def __init__(self, hands: Perform) -> None:
        self.hands = hands

    def __call__(self, task: Task, on_progress: OnProgress) -> Outcome:
        return Absent() if task.phase == "observe" else self.hands(task, on_progress)


class BelievingHands:
    """Looks into the journal instead of at the world: what was begun is taken as done."""

    def __init__(self, hands: Perform, begun: set[str]) -> None:
        self.hands, self.begun = hands, begun

    def __call__(self, task: Task, on_progress: OnProgress) -> Outcome:
        if task.phase == "observe":
            return Present({"block": task.step.id}) if task.step.id in self.begun else Absent()
        self.begun.add(task.step.id)
        return self.hands(task, on_progress)


class HastyWorkers(SteppedWorkers):
    """Reports an effect as done one round before it has it."""

    owed: Task | None = None

    def wait(self, timeout: float | None) -> Sequence[Message]:
        if self.owed is not None:
            owed, self.owed = self.owed, None
            super().do(owed)
        return super().wait(timeout)

    def do(self, task: Task) -> Outcome:
        if task.phase != "apply" or self.owed is not None or task.step.params["fail"]:
            return super().do(task)
        self.owed = task
        return Done({"block": task.step.id})


class ForwardUndo(Graph):
    """Takes back what was done first, first."""

    def __init__(self, runner: Runner) -> None:
        super().__init__(runner.scheduler.state.plan)
        self.runner = runner
        self.right = Graph(runner.scheduler.state.plan)

    def __getattribute__(self, name: str) -> Any:
        if name in ("needs", "dependents"):
            right = object.__getattribute__(self, "__dict__").get("right")
            if right is not None and self.runner.scheduler.state.back:
                return right.needs if name == "dependents" else right.dependents
        if name in ("afters", "followers"):
            right = object.__getattribute__(self, "__dict__").get("right")
            if right is not None and self.runner.scheduler.state.back:
                return right.followers if name == "afters" else right.afters
        return object.__getattribute__(self, name)

    def upstream(self, number: int) -> list[int]:
        return self.right.upstream(number)


class ForgetfulJournal(MemoryJournal):
    """Keeps a START in memory until something else is written."""

    def __init__(self, stored: list[bytes]) -> None:
        super().__init__(stored)
        self.late: list[Draft] = []

    def append(self, drafts: Sequence[Draft], stamp: Stamp) -> list[Record]:
        due = [*self.late, *(draft for draft in drafts if draft.kind != "start")]
        self.late = [draft for draft in drafts if draft.kind == "start"]
        return super().append(due, stamp) if due else []


def _swap_graph(runner: Runner) -> None:
    runner.scheduler._graph = ForwardUndo(runner)


def _wait_for_nobody(runner: Runner) -> None:
    scheduler = runner.scheduler
    scheduler._graph.afters = [[] for _ in runner.scheduler.state.plan.steps]
    scheduler._frontier = Frontier(scheduler._graph, back=scheduler.state.back)


class LaxBounds(Bounds):
    """Goes on in a scope that has failed."""

    def allow(self, number: int) -> bool:
        return self._is_within(number)


def _swap_bounds(runner: Runner) -> None:
    scheduler = runner.scheduler
    scheduler._bounds = LaxBounds(scheduler.state, scheduler._graph)


def _with_hands(scenario: Scenario[Blocks], wrap: Any) -> Scenario[Blocks]:
    make = scenario.perform

    def perform(world: Blocks, hit: Hit) -> Perform:
        hands: Perform = wrap(make(world, hit), world)
        return hands

    return dataclasses.replace(scenario, perform=perform)


def _begun(world: Blocks) -> set[str]:
    return {key.removeprefix("apply ") for key in world.tries if key.startswith("apply ")}


def _findings(wrap: Any) -> list[str]:
    for seed in range(1, 60):
        crasher = Crasher(_with_hands(draw_scenario(seed), wrap), seed=seed)
        findings = crasher.crash_everywhere().findings
        if findings:
            return findings
    return []


def test_planted_bug_no_observe_is_noticed() -> None:
    assert _findings(lambda hands, world: BlindHands(hands))


def test_planted_bug_observe_that_trusts_the_journal_is_noticed() -> None:
    assert _findings(lambda hands, world: BelievingHands(hands, _begun(world)))


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(Machine(workers=HastyWorkers), id="end-recorded-before-effect"),
        pytest.param(Machine(tamper=_swap_graph), id="undo-in-forward-order"),
        pytest.param(Machine(journal=ForgetfulJournal), id="lost-start"),
        pytest.param(Machine(tamper=_wait_for_nobody), id="after-not-waited-for"),
        pytest.param(Machine(tamper=_swap_bounds), id="work-in-quarantine"),
    ],
)
def test_planted_bug_in_the_machine_is_noticed(broken: Machine) -> None:
    assert crash_blocks(ENOUGH, seed=1, sample=6, machine=broken).findings


def test_planted_bug_shows_only_under_power_cuts_when_it_can() -> None:
    """Without a cut a forgetful journal does no harm: it is the crash that finds it, not the plain run."""
    plan = build_plan(build_step("a"), build_step("b", "a", fail={"apply": -1}))
    crasher = Crasher(build_scenario(plan), machine=Machine(journal=ForgetfulJournal))

    assert crasher.tally.findings == []
    assert crasher.crash_everywhere().findings


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
