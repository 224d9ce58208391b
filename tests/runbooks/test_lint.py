"""What is known to be wrong with a runbook before there is anything to look up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from drp.actions.catalogue import action_specs
from drp.model.plan import ActionSpec
from drp.runbooks.lint import lint
from tests.runbooks.desk import CATALOGUE, HEAD, INDENT, Desk, NoParams, one_stage

RUNBOOKS = Path(__file__).parents[2] / "runbooks"
HOLD = ActionSpec(name="edge.hold", params=NoParams, makes_wait=True)
ACTIONS = {**CATALOGUE, "edge.hold": HOLD}
USES = (
    "- {id: uses, do: file.copy, deadline: 1s, "
    "with: {host: '${to}', sources: ['${tenant}', '${hosts}', '${empty}']}}\n"
)


def problems(desk: Desk, text: str) -> list[str]:
    """As ``FILE:LINE:COLUMN message`` of a whole runbook."""
    desk.write(text)
    found = lint(desk.folder / "runbook.yml", ACTIONS)
    ordered = sorted(found, key=lambda problem: (problem.place.line, problem.place.column))
    return [f"{problem.place} {problem.message}".replace(f"{desk.folder}/", "") for problem in ordered]


def step_problems(desk: Desk, steps: str) -> list[str]:
    """Of steps of one stage in which every input is used; line and column count from the first step."""
    found = []
    for problem in problems(desk, one_stage(steps + USES)):
        place, message = problem.split(" ", 1)
        _, line, column = place.split(":")
        found.append(f"{int(line) - HEAD}:{int(column) - INDENT} {message}")
    return found


@pytest.mark.parametrize("path", sorted(RUNBOOKS.glob("*.yml")), ids=lambda path: path.stem)
def test_runbooks_of_drp_are_well(path: Path) -> None:
    assert lint(path, action_specs()) == []


STEPS = {
    "well": ("- {id: a, do: file.copy, with: {host: '${tenant.host.name}', limit: '7'}, deadline: 1s}\n", []),
    "action": (
        "- {id: a, do: file.copi, deadline: 1s}\n",
        ["1:15 unknown action 'file.copi'; did you mean 'file.copy'?"],
    ),
    "parameter": (
        "- {id: a, do: file.copy, with: {hots: '${to}', host: h}, deadline: 1s}\n",
        ["1:33 unknown parameter of 'file.copy' 'hots'; did you mean 'host'?"],
    ),
    "missing parameter": ("- {id: a, do: check.host, deadline: 1s}\n", ["1:3 'check.host' needs 'host'"]),
    "literal of a wrong kind": (
        "- {id: a, do: file.copy, with: {host: '${to}', limit: many, label: {weight: '2'}}, deadline: 1s}\n",
        [
            "1:32 'file.copy' needs 'label.key'",
            "1:55 cannot use 'limit' for 'file.copy': "
            "input should be a valid integer, unable to parse string as an integer",
        ],
    ),
    "parameters that are no map": (
        "- {id: a, do: file.copy, with: [x], deadline: 1s}\n",
        ["1:32 'with' must be a map"],
    ),
    "look-up": (
        "- {id: a, do: check.host, with: {host: '${tenent.name}'}, deadline: 1s}\n",
        ["1:40 unknown name 'tenent'; did you mean 'tenant'?"],
    ),
    "look-up in a list": (
        "- {id: a, do: check.host, with: {host: '${hosts.name}'}, deadline: 1s}\n",
        ["1:40 cannot find 'hosts.name': 'hosts' is a list, a number picks from it"],
    ),
    "open brace": (
        "- {id: a, do: check.host, with: {host: 'x ${to'}, deadline: 1s}\n",
        ["1:40 cannot read '${to': its brace is never closed"],
    ),
    "step that does not come before": (
        "- {id: a, do: check.host, with: {host: '${steps.b}'}, deadline: 1s}\n"
        "- {id: b, do: do.nothing, needs: [a], deadline: 1s}\n",
        ["1:40 unknown name 'steps.b'; known: none"],
    ),
    "step whose end is waited for": (
        "- {id: a, do: check.host, after: [b], with: {host: '${steps.b}'}, deadline: 1s}\n"
        "- {id: b, do: do.nothing, deadline: 1s}\n",
        [],
    ),
    "question with an unknown name": (
        "- {id: a, do: do.nothing, approve: 'Move ${client}?', deadline: 1s}\n",
        ["1:36 unknown name 'client'; known: empty, hosts, tenant, to"],
    ),
    "final look": (
        "- {id: a, do: check.host, with: {host: h}, final: true, deadline: 1s}\n",
        ["1:51 'check.host' only looks: it cannot be final"],
    ),
    "pool": (
        "- {id: a, do: do.nothing, pools: {'x@${too}': 2}, deadline: 1s}\n",
        [
            "1:35 unknown name 'too'; did you mean 'to'?",
            "1:35 step wants 2 of pool 'x@${too}', which holds 1",
        ],
    ),
    "loop": (
        "- {id: a, do: do.nothing, for-each: to as host, deadline: 1s}\n"
        "- {id: b, do: do.nothing, for-each: hots as tenant, deadline: 1s}\n",
        [
            "1:37 for-each needs a list, but 'to' is a site",
            "2:37 loop name 'tenant' hides an input",
            "2:37 unknown name 'hots'; did you mean 'hosts'?",
        ],
    ),
    "cycle": (
        "- {id: a, do: do.nothing, after: [b], deadline: 1s}\n"
        "- {id: b, do: do.nothing, needs: [a], deadline: 1s}\n",
        ["1:35 steps wait for each other: a → b → a"],
    ),
    "double": (
        "- {id: a, do: do.nothing, deadline: 1s}\n- {id: a, do: do.nothing, deadline: 1s}\n",
        ["2:3 step 'a' exists already, in stage 'one'"],
    ),
    "question after clients wait": (
        "- {id: h, do: edge.hold, deadline: 1s}\n"
        "- {id: b, do: do.nothing, needs: [h], deadline: 1s}\n"
        "- {id: c, do: do.nothing, needs: [b], approve: 'Go?', deadline: 1s}\n",
        ["3:48 step 'c' asks after 'h' has made clients wait"],
    ),
    "clients left waiting": (
        "- {id: h, do: edge.hold, deadline: 1s}\n",
        ["1:3 step 'h' makes clients wait in a stage with neither a question nor a final step"],
    ),
    "question where clients begin to wait": ("- {id: h, do: edge.hold, approve: 'Go?', deadline: 1s}\n", []),
}


@pytest.mark.parametrize(("steps", "expected"), STEPS.values(), ids=STEPS.keys())
def test_steps(desk: Desk, steps: str, expected: list[str]) -> None:
    assert step_problems(desk, steps) == expected


def test_inputs_that_nobody_uses(desk: Desk) -> None:
    text = "runbook: t\ninputs: {to: site, run: text}\nstages: [{stage: a, steps: [{id: a, do: check.host, "

    assert problems(desk, text + "with: {host: '${to}'}, deadline: 1s}]}]") == [
        "runbook.yml:2:20 input 'run' is used nowhere"
    ]


def test_everything_of_form_is_told_first(desk: Desk) -> None:
    assert problems(desk, "runbook: T!\nstages: [{stage: a}]") == [
        "runbook.yml:1:10 'runbook' 'T!' is no name",
        "runbook.yml:2:10 a stage has no 'steps'",
    ]


REUSED = """
stage: reused
inputs: {tenant: map, host: text}
steps: [{id: a, do: check.host, with: {host: "${host}"}, deadline: 1s}]
"""
USED = {
    "well": ("{tenants: list}", "for-each: tenants as tenant, with: {host: '${tenant.host}'}", []),
    "given nothing": (
        "{tenant: map}",
        "needs: []",
        ["runbook.yml:3:10 stage 'reused' is given no 'host'"],
    ),
    "another kind": (
        "{tenant: list, host: text}",
        "needs: []",
        ["runbook.yml:3:10 input 'tenant' of stage 'reused' must be a map, but it is a list"],
    ),
    "given an unknown name": (
        "{tenant: map}",
        "with: {host: '${tenent.host}'}",
        ["runbook.yml:3:48 unknown name 'tenent'; did you mean 'tenant'?"],
    ),
    "looked up in a text": (
        "{tenant: map, to: text}",
        "with: {host: '${to.host}'}",
        ["runbook.yml:3:48 cannot find 'to.host': 'to' is text"],
    ),
}


@pytest.mark.parametrize(("inputs", "beside", "expected"), USED.values(), ids=USED.keys())
def test_used_stages(desk: Desk, inputs: str, beside: str, expected: list[str]) -> None:
    desk.write(REUSED, "stages/reused.yml")

    text = f"runbook: t\ninputs: {inputs}\nstages: [{{use: stages/reused.yml, {beside}}}]"
    assert problems(desk, text) == expected


def test_pool_with_a_known_capacity_is_well(desk: Desk) -> None:
    desk.write(one_stage("- {id: a, do: do.nothing, pools: {'x@${to}': 2}, deadline: 1s}\n" + USES))

    assert lint(desk.folder / "runbook.yml", ACTIONS, limits={"x": 2}) == []
    assert len(lint(desk.folder / "runbook.yml", ACTIONS, limits={"x": 1})) == 1


def test_unknown_kind_of_an_action_that_makes_nobody_wait_is_well(desk: Desk) -> None:
    desk.write(one_stage("- {id: h, do: edge.hold, deadline: 1s}\n" + USES))

    assert lint(desk.folder / "runbook.yml", {**ACTIONS, "edge.hold": replace(HOLD, makes_wait=False)}) == []
