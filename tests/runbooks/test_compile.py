"""What a runbook becomes."""

from __future__ import annotations

from datetime import timedelta

from drp.errors import Place
from drp.model.plan import Plan, RetryPolicy
from drp.model.values import JsonMap
from tests.runbooks.desk import CONTEXT, Desk


def needs(plan: Plan) -> dict[str, list[str]]:
    return {step.id: sorted(step.needs) for step in plan.steps}


def test_step_has_everything_that_was_written(desk: Desk) -> None:
    plan = desk.steps("""
        - id: copy
          do: file.copy
          with: {host: "${hosts.0.name}", sources: ["${to}", here], limit: "12", exact: "true"}
          retry: {attempts: 3, wait: 5s, factor: 1.5, limit: 1m}
          deadline: 1h30m
          approve: Copy for ${tenant.name}?
          final: true
          pools: {"copies@${to}": 2}
        """, limits={"copies": 3})  # fmt: skip

    (step,) = plan.steps
    assert (step.id, step.action, step.stage) == ("copy", "file.copy", "one")
    assert step.params == {
        "host": "h1",
        "sources": ["dc5", "here"],
        "limit": 12,
        "exact": True,
        "label": None,
    }
    assert step.retry == RetryPolicy(
        attempts=3, wait=timedelta(seconds=5), factor=1.5, limit=timedelta(minutes=1)
    )
    assert (step.deadline, step.approval, step.final) == (timedelta(minutes=90), "Copy for acme?", True)
    assert (step.pools, plan.limits) == ({"copies@dc5": 2}, {"copies@dc5": 3})
    assert step.place == Place(str(desk.folder / "runbook.yml"), 6, 9)


def test_plan_knows_run_runbook_tenant_inputs_and_failure(desk: Desk) -> None:
    plan = desk.write("""
        runbook: test
        inputs: {to: site}
        on-failure: stop
        stages: [{stage: one, steps: [{id: a, do: do.nothing, deadline: 1s}]}]
        """).compile()

    assert (plan.run, plan.runbook, plan.tenant, plan.on_failure) == (
        "test-310304-7f3a",
        "test",
        "acme",
        "stop",
    )
    assert plan.inputs == {"to": "dc5"}


def test_runbook_rolls_back_unless_it_says_otherwise(desk: Desk) -> None:
    assert desk.steps("- {id: a, do: do.nothing, deadline: 1s}").on_failure == "roll-back"


def test_look_is_marked_as_one(desk: Desk) -> None:
    plan = desk.steps("""
        - {id: a, do: check.host, with: {host: h1}, deadline: 1s}
        - {id: b, do: do.nothing, deadline: 1s}
        """)

    assert [step.read_only for step in plan.steps] == [True, False]


def test_nested_value_goes_through_its_type(desk: Desk) -> None:
    plan = desk.steps('- {id: a, do: file.copy, with: {host: h, label: {key: k, weight: "4"}}, deadline: 1s}')

    assert plan.steps[0].params["label"] == {"key": "k", "weight": 4}


def test_compiled_plan_survives_json(desk: Desk) -> None:
    plan = desk.steps(
        "- {id: a, do: check.host, for-each: hosts as host, with: {host: '${host.name}'}, deadline: 1s}"
    )

    assert Plan.from_json(plan.to_json()) == plan


def test_loop_makes_a_step_for_each_item_named_by_it(desk: Desk) -> None:
    plan = desk.steps("""
        - {id: host, do: check.host, for-each: hosts as host, with: {host: "${host.name}"}, deadline: 1s}
        - {id: name, do: check.host, for-each: tenant.domains as name, with: {host: "${name}"}, deadline: 1s}
        """)

    assert [step.id for step in plan.steps] == ["host/h1", "host/h2", "name/a.test", "name/b.test"]
    assert [step.params["host"] for step in plan.steps] == ["h1", "h2", "a.test", "b.test"]


def test_items_without_a_name_are_counted_or_named_by_the_next_best(desk: Desk) -> None:
    context: JsonMap = {
        **CONTEXT,
        "hosts": [{"size": 1}, {"role": "api"}, {"network": "n"}, {"host": "h", "role": "x"}, 7],
    }
    plan = desk.write("""
        runbook: test
        inputs: {hosts: list}
        stages: [{stage: one, steps: [{id: a, do: do.nothing, for-each: hosts as it, deadline: 1s}]}]
        """).compile(context=context)  # fmt: skip

    assert [step.id for step in plan.steps] == ["a/1", "a/api", "a/n", "a/h", "a/7"]


def test_steps_are_ordered_by_need_and_else_as_written(desk: Desk) -> None:
    plan = desk.steps("""
        - {id: c, do: do.nothing, needs: [a], deadline: 1s}
        - {id: b, do: do.nothing, deadline: 1s}
        - {id: a, do: do.nothing, deadline: 1s}
        """)

    assert [step.id for step in plan.steps] == ["b", "a", "c"]


def test_loops_over_one_list_are_paired(desk: Desk) -> None:
    plan = desk.steps("""
        - {id: a, do: do.nothing, for-each: hosts as host, deadline: 1s}
        - {id: b, do: do.nothing, for-each: hosts as other, needs: [a], deadline: 1s}
        """)

    assert needs(plan)["b/h2"] == ["a/h2"]


def test_loops_over_two_lists_are_not_paired(desk: Desk) -> None:
    plan = desk.steps("""
        - {id: a, do: do.nothing, for-each: hosts as host, deadline: 1s}
        - {id: b, do: do.nothing, for-each: tenant.domains as name, needs: [a], deadline: 1s}
        - {id: c, do: do.nothing, needs: [b], deadline: 1s}
        """)

    assert needs(plan)["b/a.test"] == ["a/h1", "a/h2"]
    assert needs(plan)["c"] == ["b/a.test", "b/b.test"]


def test_needing_a_loop_over_nothing_means_needing_what_it_needs(desk: Desk) -> None:
    plan = desk.steps("""
        - {id: a, do: do.nothing, deadline: 1s}
        - {id: b, do: do.nothing, for-each: empty as it, needs: [a], deadline: 1s}
        - {id: c, do: do.nothing, for-each: empty as it, needs: [b], deadline: 1s}
        - {id: d, do: do.nothing, needs: [c], deadline: 1s}
        """)

    assert needs(plan) == {"a": [], "d": ["a"]}


STAGES = """
    runbook: test
    inputs: {hosts: list, empty: list}
    stages:
      - stage: one
        steps:
          - {id: a, do: do.nothing, deadline: 1s}
          - {id: b, do: do.nothing, needs: [a], deadline: 1s}
          - {id: c, do: do.nothing, deadline: 1s}
      - stage: two
        needs: [one]
        steps:
          - {id: d, do: do.nothing, deadline: 1s}
          - {id: e, do: do.nothing, needs: [d], deadline: 1s}
"""


def test_stage_begins_when_all_of_the_needed_stage_is_done(desk: Desk) -> None:
    plan = desk.write(STAGES).compile()

    assert needs(plan) == {"a": [], "b": ["a"], "c": [], "d": ["b", "c"], "e": ["d"]}
    assert plan.stages() == ("one", "two")


def test_stage_that_loops_over_nothing_passes_on_what_it_needs(desk: Desk) -> None:
    empty = STAGES.replace("{id: d,", "{id: d, for-each: empty as it,")

    assert needs(desk.write(empty).compile())["e"] == ["b", "c"]


def test_stage_without_steps_passes_on_what_it_needs(desk: Desk) -> None:
    text = STAGES.replace(
        "- stage: two\n        needs: [one]",
        "- {stage: mid, needs: [one], steps: []}\n      - stage: two\n        needs: [mid]",
    )

    assert needs(desk.write(text).compile())["d"] == ["b", "c"]


def test_stages_over_one_list_are_not_paired(desk: Desk) -> None:
    """A stage waits for the whole of another."""
    text = STAGES.replace("{id: b,", "{id: b, for-each: hosts as it,").replace(
        "{id: d,", "{id: d, for-each: hosts as it,"
    )

    assert needs(desk.write(text).compile())["d/h1"] == ["b/h1", "b/h2", "c"]


def test_step_may_need_a_step_of_another_stage(desk: Desk) -> None:
    text = STAGES.replace("needs: [one]\n", "needs: []\n").replace(
        "{id: e, do: do.nothing, needs: [d]", "{id: e, do: do.nothing, needs: [d, c]"
    )

    assert needs(desk.write(text).compile())["e"] == ["c", "d"]


def test_ids_of_needed_steps_can_be_looked_up(desk: Desk) -> None:
    plan = desk.steps("""
        - {id: a, do: do.nothing, deadline: 1s}
        - {id: b, do: do.nothing, for-each: hosts as host, needs: [a], deadline: 1s}
        - {id: c, do: file.copy, for-each: hosts as h, needs: [b], with: {host: "${steps.b}"}, deadline: 1s}
        - {id: d, do: file.copy, needs: [c], with: {host: "${steps.a}", sources: "${steps.b}"}, deadline: 1s}
        """)

    assert plan.step("c/h2").params["host"] == "b/h2"
    assert plan.step("d").params["host"] == "a"
    assert plan.step("d").params["sources"] == ["b/h1", "b/h2"]


def use(desk: Desk, use_line: str, *, inputs: str = "inputs: {target: site}") -> Desk:
    desk.write(
        f"""
        stage: reused
        {inputs}
        steps: [{{id: a, do: check.host, with: {{host: "${{target}}"}}, deadline: 1s}}]
        """,
        "stages/reused.yml",
    )
    return desk.write(f"""
        runbook: test
        inputs: {{to: site}}
        stages: [{use_line}]
        """)


def test_used_stage_is_given_its_inputs(desk: Desk) -> None:
    plan = use(desk, "{use: stages/reused.yml, with: {target: '${to}-new'}}").compile()

    assert plan.steps[0].params == {"host": "dc5-new"}
    assert (plan.steps[0].stage, plan.inputs) == ("reused", {"to": "dc5"})


def test_step_of_a_used_stage_has_its_place_in_that_file(desk: Desk) -> None:
    place = use(desk, "{use: stages/reused.yml, with: {target: x}}").compile().steps[0].place

    assert place == Place(str(desk.folder / "stages/reused.yml"), 3, 9)


def test_used_stage_sees_the_inputs_of_the_runbook(desk: Desk) -> None:
    desk = use(desk, "{use: stages/reused.yml}", inputs="inputs: {}")
    text = (desk.folder / "stages/reused.yml").read_text().replace("target", "to")

    assert desk.write(text, "stages/reused.yml").compile().steps[0].params == {"host": "dc5"}


def test_pool_of_which_nothing_is_said_holds_one_token(desk: Desk) -> None:
    assert desk.steps("- {id: a, do: do.nothing, pools: {x: 1}, deadline: 1s}").limits == {"x": 1}


def test_limit_of_the_full_name_stands_over_that_of_its_kind(desk: Desk) -> None:
    plan = desk.steps(
        "- {id: a, do: do.nothing, pools: {x@h1: 1, x@h2: 1}, deadline: 1s}", limits={"x": 2, "x@h2": 9}
    )

    assert plan.limits == {"x@h1": 2, "x@h2": 9}


def test_same_runbook_and_context_give_the_same_plan(desk: Desk) -> None:
    first = desk.write(STAGES).compile()

    assert desk.compile().digest() == first.digest()
