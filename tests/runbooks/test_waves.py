"""Items of a looped stage that begin one group after the other."""

from __future__ import annotations

import pytest

from drp.model.plan import Plan
from drp.model.values import JsonMap
from tests.runbooks.desk import CONTEXT, Desk

FLEET: JsonMap = {
    **CONTEXT,
    "tenants": [
        {"name": "a", "wave": "canary"},
        {"name": "b", "wave": "gold"},
        {"name": "c", "wave": "gold"},
        {"name": "d", "wave": "bronze"},
        {"name": "e"},
    ],
    "waves": [{"name": "gold"}, {"name": "bronze"}],
}
TEXT = """
    runbook: test
    inputs: {tenants: list, waves: list}
    on-failure: quarantine
    stages:
      - stage: gate
        steps: [{id: gate, do: check.host, for-each: GATES, with: {host: x}, deadline: 1s}]
      - stage: first
        for-each: tenants as tenant
        needs: [gate]
        waves: {gate: gate, until: last}
        steps:
          - {id: make, do: do.nothing, deadline: 1s}
          - {id: fill, do: do.nothing, needs: [make], deadline: 1s}
      - stage: last
        for-each: tenants as tenant
        needs: [first]
        steps: [{id: open, do: do.nothing, deadline: 1s}]
    """


def text(*, gates: str = "waves as wave", needs: str = "", waves: str = "gate: gate, until: last") -> str:
    changed = TEXT.replace("GATES", gates).replace("        needs: [gate]\n", needs)
    return changed.replace("gate: gate, until: last", waves)


@pytest.fixture
def plan(desk: Desk) -> Plan:
    return desk.write(text()).compile(context=FLEET)


def test_each_begins_after_the_gate_of_its_wave(plan: Plan) -> None:
    needs = {step.id: sorted(step.needs) for step in plan.steps if step.id.startswith(("make", "fill"))}
    assert needs == {
        "make/a": [], "make/e": [],
        "make/b": ["gate/gold"], "make/c": ["gate/gold"], "make/d": ["gate/bronze"],
        "fill/a": ["make/a"], "fill/b": ["make/b"], "fill/c": ["make/c"],
        "fill/d": ["make/d"], "fill/e": ["make/e"],
    }  # fmt: skip


def test_gate_waits_for_the_wave_before_and_needs_the_gate_before(plan: Plan) -> None:
    gold, bronze = plan.step("gate/gold"), plan.step("gate/bronze")
    assert (sorted(gold.needs), sorted(gold.after)) == ([], ["open/a", "open/e"])
    assert (sorted(bronze.needs), sorted(bronze.after)) == (["gate/gold"], ["open/b", "open/c"])


def test_without_gates_all_begin_at_once(desk: Desk) -> None:
    plan = desk.write(text()).compile(context={**FLEET, "waves": []})
    assert not any(step.needs for step in plan.steps if step.id.startswith("make"))


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (text(waves="gate: gat, until: last"), "9:19 unknown step 'gat'; did you mean 'gate'?"),
        (text(waves="gate: gate, until: lest"), "9:32 unknown stage 'lest'; did you mean 'last'?"),
        (
            text(waves="gate: make, until: last"),
            "9:19 step 'make' is a gate of waves but has no for-each",
        ),
        (
            text(waves="gate: gate, until: gate"),
            "9:32 stage 'gate' ends the waves of 'first', but loops over another list",
        ),
        (text(needs="        needs: [gate]\n"), "6:13 step 'gate/gold' waits for steps that wait for it"),
    ],
)
def test_waves_that_cannot_be_made_are_told(desk: Desk, broken: str, message: str) -> None:
    (problem,) = desk.problems(broken, context=FLEET)
    assert problem == f"runbook.yml:{message}"
