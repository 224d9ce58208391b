"""Stages made once for each item of a list, and what waits for an end instead of a success."""

from __future__ import annotations

import pytest

from drp.model.plan import Plan
from drp.model.values import JsonMap
from tests.runbooks.desk import CONTEXT, Desk

TENANTS: JsonMap = {
    **CONTEXT,
    "tenants": [
        {"name": "acme", "volumes": ["data", "logs"], "host": "h1"},
        {"name": "globex", "volumes": ["data"], "host": "h2"},
    ],
    "others": [{"name": "initech", "volumes": ["data"]}],
}
HEAD = "runbook: test\ninputs: {tenants: list, others: list, hosts: list, empty: list, to: site}\nstages:\n"
COPY = "do: file.copy, deadline: 1s, with: {host:"
NOTHING = "do: do.nothing, deadline: 1s"


def compiled(desk: Desk, *stages: str) -> Plan:
    return desk.write(HEAD + "\n".join(f"  - {stage}" for stage in stages)).compile(context=TENANTS)


def stage(name: str, *steps: str, beside: str = "") -> str:
    body = ", ".join(f"{{do: do.nothing, deadline: 1s, {step}}}" for step in steps)
    return f"{{stage: {name}, {beside + ', ' if beside else ''}steps: [{body}]}}"


def looped(name: str, *steps: str, over: str = "tenants", beside: str = "") -> str:
    more = f", {beside}" if beside else ""
    return stage(name, *steps, beside=f"for-each: {over} as tenant{more}")


def needs(plan: Plan) -> dict[str, list[str]]:
    return {step.id: sorted(step.needs) for step in plan.steps}


def after(plan: Plan) -> dict[str, list[str]]:
    return {step.id: sorted(step.after) for step in plan.steps if step.after}


def test_each_step_is_made_for_each_item_in_its_scope(desk: Desk) -> None:
    plan = compiled(
        desk, looped("one", "id: a", "id: b, for-each: tenant.volumes as volume"), stage("two", "id: c")
    )

    assert {step.id: (step.stage, step.scope) for step in plan.steps} == {
        "a/acme": ("one", "acme"),
        "b/acme/data": ("one", "acme"),
        "b/acme/logs": ("one", "acme"),
        "a/globex": ("one", "globex"),
        "b/globex/data": ("one", "globex"),
        "c": ("two", ""),
    }  # fmt: skip
    assert plan.scopes() == ("acme", "globex", "")


def test_needs_inside_a_looped_stage_stay_with_the_item(desk: Desk) -> None:
    plan = compiled(
        desk,
        looped(
            "one",
            "id: a",
            "id: b, needs: [a], for-each: tenant.volumes as volume",
            "id: c, needs: [b], for-each: tenant.volumes as volume",
            "id: d, needs: [c]",
        ),
    )

    assert needs(plan) == {
        "a/acme": [],
        "b/acme/data": ["a/acme"],
        "b/acme/logs": ["a/acme"],
        "c/acme/data": ["b/acme/data"],
        "c/acme/logs": ["b/acme/logs"],
        "d/acme": ["c/acme/data", "c/acme/logs"],
        "a/globex": [],
        "b/globex/data": ["a/globex"],
        "c/globex/data": ["b/globex/data"],
        "d/globex": ["c/globex/data"],
    }


def test_stages_over_the_same_list_are_paired(desk: Desk) -> None:
    plan = compiled(
        desk, looped("one", "id: a"), looped("two", "id: b", "id: c, needs: [a]", beside="needs: [one]")
    )

    assert needs(plan)["b/acme"] == ["a/acme"]
    assert needs(plan)["c/globex"] == ["a/globex"]


@pytest.mark.parametrize(
    "last",
    [
        pytest.param(stage("two", "id: b", beside="needs: [one]"), id="stage"),
        pytest.param(stage("two", "id: b, needs: [a]"), id="step"),
        pytest.param(looped("two", "id: b", over="others", beside="needs: [one]"), id="another-list"),
    ],
)
def test_all_else_waits_for_all_items(desk: Desk, last: str) -> None:
    plan = compiled(desk, looped("one", "id: a"), last)

    assert sorted(plan.steps[-1].needs) == ["a/acme", "a/globex"]


def test_each_item_waits_for_a_stage_that_does_not_loop(desk: Desk) -> None:
    plan = compiled(desk, stage("one", "id: a"), looped("two", "id: b", beside="needs: [one]"))

    assert needs(plan) == {"a": [], "b/acme": ["a"], "b/globex": ["a"]}


def test_stage_over_nothing_passes_on_what_it_needs(desk: Desk) -> None:
    plan = compiled(
        desk,
        stage("one", "id: a"),
        looped("two", "id: b", over="empty", beside="needs: [one]"),
        stage("three", "id: c", beside="needs: [two]"),
    )

    assert needs(plan) == {"a": [], "c": ["a"]}


def test_steps_names_follow_the_item(desk: Desk) -> None:
    copy = (
        '{id: copy, needs: [make], do: file.copy, deadline: 1s, with: {host: h1, sources: "${steps.make}"}}'
    )
    one = '{id: one, needs: [first], do: file.copy, deadline: 1s, with: {host: "${steps.first}"}}'
    make = "{id: make, do: do.nothing, deadline: 1s, for-each: tenant.volumes as volume}"
    first = "{id: first, do: do.nothing, deadline: 1s}"
    gate = '{id: gate, do: file.copy, deadline: 1s, with: {host: h1, sources: "${steps.one}"}}'
    plan = compiled(
        desk,
        f"{{stage: one, for-each: tenants as tenant, steps: [{first}, {make}, {copy}, {one}]}}",
        f"{{stage: gate, after: [one], steps: [{gate}]}}",
    )

    assert plan.step("copy/acme").params["sources"] == ["make/acme/data", "make/acme/logs"]
    assert plan.step("one/globex").params["host"] == "first/globex"
    assert plan.step("gate").params["sources"] == ["one/acme", "one/globex"]


def test_used_stage_is_made_for_each_item_and_given_its_values(desk: Desk) -> None:
    desk.write(
        "stage: reused\ninputs: {tenant: map, host: text}\n"
        f'steps: [{{id: copy, {COPY} "${{host}}", sources: ["${{tenant.name}}"]}}}}]',
        "stages/reused.yml",
    )
    plan = compiled(
        desk, '{use: stages/reused.yml, for-each: tenants as tenant, with: {host: "${tenant.host}"}}'
    )

    found = {step.scope: (step.params["host"], step.params["sources"]) for step in plan.steps}
    assert found == {"acme": ("h1", ["acme"]), "globex": ("h2", ["globex"])}


def test_pools_may_be_several_and_follow_the_item(desk: Desk) -> None:
    plan = compiled(desk, looped("one", 'id: a, pools: {"restores@${tenant.host}": 1, reads: 1}'))

    assert plan.step("a/globex").pools == {"restores@h2": 1, "reads": 1}
    assert plan.limits == {"restores@h1": 1, "restores@h2": 1, "reads": 1}


def test_policies_are_read(desk: Desk) -> None:
    desk.write(
        f"runbook: test\non-failure: quarantine\nstages: [{{stage: a, steps: [{{id: a, {NOTHING}}}]}}]"
    )

    assert desk.compile().on_failure == "quarantine"


# -- after


def test_step_waits_for_the_end_of_a_step(desk: Desk) -> None:
    plan = compiled(desk, stage("one", "id: b, after: [a]", "id: a", "id: c, needs: [a], after: [a]"))

    assert [step.id for step in plan.steps] == ["a", "b", "c"]
    assert (after(plan), needs(plan)["b"]) == ({"b": ["a"]}, [])


def test_stage_waits_for_the_end_of_a_whole_stage(desk: Desk) -> None:
    """What is needed inside has ended when those that need it have."""
    plan = compiled(
        desk,
        looped("one", "id: a", "id: b, needs: [a]", "id: c"),
        stage("gate", "id: g", "id: h, needs: [g]", beside="after: [one]"),
        looped("two", "id: d", beside="needs: [gate], after: [one]"),
    )

    assert after(plan) == {
        "g": ["b/acme", "b/globex", "c/acme", "c/globex"],
        "d/acme": ["b/acme", "c/acme"],
        "d/globex": ["b/globex", "c/globex"],
    }
    assert needs(plan)["d/acme"] == ["h"]


def test_step_that_follows_one_of_its_stage_still_needs_what_the_stage_needs(desk: Desk) -> None:
    plan = compiled(
        desk, stage("one", "id: a"), stage("two", "id: b", "id: c, after: [b]", beside="needs: [one]")
    )

    assert needs(plan) == {"a": [], "b": ["a"], "c": ["a"]}


def test_stage_that_needs_one_waits_for_its_success_also_where_a_step_only_follows(desk: Desk) -> None:
    plan = compiled(
        desk, stage("one", "id: a", "id: b, after: [a]"), stage("two", "id: c", beside="needs: [one]")
    )

    assert needs(plan)["c"] == ["a", "b"]


def test_after_passes_through_a_stage_over_nothing(desk: Desk) -> None:
    plan = compiled(
        desk,
        stage("one", "id: a"),
        stage("two", "id: b"),
        looped("none", "id: x", over="empty", beside="needs: [one], after: [two]"),
        stage("three", "id: c", beside="after: [none]"),
        stage("four", "id: d", beside="needs: [none]"),
    )

    assert after(plan) == {"c": ["a", "b"], "d": ["b"]}
    assert needs(plan)["d"] == ["a"]


ONE = looped("one", "id: a") + "\n  - "
PROBLEMS = {
    "unreadable loop": (
        stage("one", "id: a", beside="for-each: tenants"),
        "4:28 cannot read for-each 'tenants'",
    ),
    "no list": (
        stage("one", "id: a", beside="for-each: to as tenant"),
        "4:28 for-each needs a list, but 'to' is text",
    ),
    "hidden input": (
        stage("one", "id: a", beside="for-each: tenants as to"),
        "4:28 loop name 'to' hides an input",
    ),
    "hidden item": (
        looped("one", "id: a, for-each: hosts as tenant"),
        "4:103 loop name 'tenant' hides an input",
    ),
    "unknown stage": (
        stage("one", "id: a", beside="after: [two]"),
        "4:26 unknown stage 'two'; known: one",
    ),
    "item outside": (
        ONE + f'{{stage: two, steps: [{{id: b, {COPY} "${{tenant.name}}"}}}}]}}',
        "5:76 unknown name 'tenant'; did you mean 'tenants'?",
    ),
    "cycle of stages": (
        "\n  - ".join(
            [stage("one", "id: a", beside="needs: [two]"), stage("two", "id: b", beside="after: [one]")]
        ),
        "4:26 stages wait for each other: one → two → one",
    ),
    "not after": (
        ONE + f'{{stage: two, steps: [{{id: b, {COPY} "${{steps.a}}"}}}}]}}',
        "5:76 unknown name 'steps.a'; known: none",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), PROBLEMS.values(), ids=PROBLEMS.keys())
def test_problem_is_told_with_its_place(desk: Desk, text: str, expected: str) -> None:
    assert desk.problems(HEAD + f"  - {text}", context=TENANTS) == [f"runbook.yml:{expected}"]


def test_two_items_of_one_name_are_told_once(desk: Desk) -> None:
    context: JsonMap = {**TENANTS, "tenants": [{"name": "acme"}, {"name": "acme"}]}

    assert desk.problems(HEAD + f"  - {looped('one', 'id: a', 'id: b')}", context=context) == [
        "runbook.yml:4:28 'tenants' has two items called 'acme'"
    ]
