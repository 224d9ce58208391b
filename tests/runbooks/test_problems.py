"""The exact words of everything that can be wrong with a runbook."""

from __future__ import annotations

import pytest

from drp.errors import ConfigError
from drp.model.values import JsonMap
from tests.runbooks.desk import CONTEXT, Desk

STEPS = {
    "unknown key": (
        "- {id: a, do: do.nothing, dedline: 1s, deadline: 1s}",
        ["1:27 unknown key 'dedline'; did you mean 'deadline'?"],
    ),
    "missing keys": ("- {id: a}", ["1:3 step 'a' has no 'do'", "1:3 step 'a' has no 'deadline'"]),
    "missing id": ("- {do: do.nothing, deadline: 1s}", ["1:3 a step has no 'id'"]),
    "no map": ("- restore", ["1:3 a step must be a map"]),
    "bad id": ("- {id: Restore!, do: do.nothing, deadline: 1s}", ["1:8 'id' 'Restore!' is no name"]),
    "id of two": (
        "- {id: a, do: do.nothing, deadline: 1s}\n- {id: a, do: do.nothing, deadline: 1s}",
        ["2:3 step 'a' exists already, in stage 'one'"],
    ),
    "unknown action": (
        "- {id: a, do: file.copi, deadline: 1s}",
        ["1:15 unknown action 'file.copi'; did you mean 'file.copy'?"],
    ),
    "no such action at all": (
        "- {id: a, do: launch.rocket, deadline: 1s}",
        ["1:15 unknown action 'launch.rocket'; known: check.host, do.nothing, file.copy"],
    ),
    "deadline without unit": (
        "- {id: a, do: do.nothing, deadline: 10}",
        ["1:37 cannot read duration '10': write 15s, 5m, 2h or 30d"],
    ),
    "deadline of nothing": (
        "- {id: a, do: do.nothing, deadline: 0s}",
        ["1:37 'deadline' must be longer than nothing"],
    ),
    "deadline as list": ("- {id: a, do: do.nothing, deadline: [1s]}", ["1:37 'deadline' must be text"]),
    "retry": (
        "- {id: a, do: do.nothing, deadline: 1s, retry: {attempts: many, wait: 5, factor: 0, pause: 1s}}",
        [
            "1:59 'attempts' must be a whole number from 1",
            "1:71 cannot read duration '5': write 15s, 5m, 2h or 30d",
            "1:82 'factor' must be a number from 1 to 99",
            "1:85 unknown key 'pause'; known: attempts, factor, limit, wait",
        ],
    ),
    "retry without attempts": (
        "- {id: a, do: do.nothing, deadline: 1s, retry: {wait: 5s}}",
        ["1:48 'retry' has no 'attempts'"],
    ),
    "final": (
        "- {id: a, do: do.nothing, deadline: 1s, final: yes}",
        ["1:48 'final' must be true or false"],
    ),
    "final look": (
        "- {id: a, do: check.host, with: {host: h}, deadline: 1s, final: true}",
        ["1:65 'check.host' only looks: it cannot be final"],
    ),
    "approve": (
        "- {id: a, do: do.nothing, deadline: 1s, approve: [Really?]}",
        ["1:50 'approve' must be text"],
    ),
    "approve look-up": (
        '- {id: a, do: do.nothing, deadline: 1s, approve: "Move ${tenant.nam}?"}',
        ["1:50 unknown name 'tenant.nam'; did you mean 'tenant.name'?"],
    ),
    "pool tokens": (
        "- {id: a, do: do.nothing, deadline: 1s, pools: {x: none}}",
        ["1:52 the tokens of a pool must be a whole number from 1"],
    ),
    "pool too small": (
        '- {id: a, do: do.nothing, deadline: 1s, pools: {"x@${to}": 2}}',
        ["1:49 step wants 2 of pool 'x@dc5', which holds 1"],
    ),
    "pools as list": ("- {id: a, do: do.nothing, deadline: 1s, pools: [x]}", ["1:48 'pools' must be a map"]),
    "needs": (
        "- {id: alpha, do: do.nothing, deadline: 1s, needs: [alfa]}",
        ["1:53 unknown step 'alfa'; did you mean 'alpha'?"],
    ),
    "needs as text": (
        "- {id: a, do: do.nothing, deadline: 1s, needs: b}",
        ["1:48 'needs' must be a list"],
    ),
    "needs of lists": (
        "- {id: a, do: do.nothing, deadline: 1s, needs: [[b]]}",
        ["1:49 an item of 'needs' must be text"],
    ),
    "needs itself": (
        "- {id: a, do: do.nothing, deadline: 1s, needs: [a]}",
        ["1:49 steps need each other: a → a"],
    ),
    "cycle": (
        "- {id: x, do: do.nothing, deadline: 1s, needs: [equal]}\n"
        "- {id: freeze, do: do.nothing, deadline: 1s, needs: [equal]}\n"
        "- {id: equal, do: do.nothing, deadline: 1s, needs: [freeze]}",
        ["2:54 steps need each other: freeze → equal → freeze"],
    ),
    "after": (
        "- {id: alpha, do: do.nothing, deadline: 1s, after: [alfa]}",
        ["1:53 unknown step 'alfa'; did you mean 'alpha'?"],
    ),
    "cycle through after": (
        "- {id: freeze, do: do.nothing, deadline: 1s, needs: [equal]}\n"
        "- {id: equal, do: do.nothing, deadline: 1s, after: [freeze]}",
        ["1:54 steps wait for each other: freeze → equal → freeze"],
    ),
    "for-each": (
        "- {id: a, do: do.nothing, deadline: 1s, for-each: hosts}",
        ["1:51 cannot read for-each 'hosts'"],
    ),
    "for-each over nothing known": (
        "- {id: a, do: do.nothing, deadline: 1s, for-each: host as h}",
        ["1:51 unknown name 'host'; did you mean 'hosts'?"],
    ),
    "for-each over a map": (
        "- {id: a, do: do.nothing, deadline: 1s, for-each: tenant as t}",
        ["1:51 for-each needs a list, but 'tenant' is a map"],
    ),
    "for-each hides": (
        "- {id: a, do: do.nothing, deadline: 1s, for-each: hosts as tenant}",
        ["1:51 loop name 'tenant' hides an input"],
    ),
    "parameter unknown": (
        "- {id: a, do: file.copy, with: {hots: h1, host: h1}, deadline: 1s}",
        ["1:33 unknown parameter of 'file.copy' 'hots'; did you mean 'host'?"],
    ),
    "parameter missing": (
        "- {id: a, do: file.copy, with: {limit: 1}, deadline: 1s}",
        ["1:32 'file.copy' needs 'host'"],
    ),
    "parameters missing at all": (
        "- {id: a, do: file.copy, deadline: 1s}",
        ["1:3 'file.copy' needs 'host'"],
    ),
    "parameter of another type": (
        "- {id: a, do: file.copy, with: {host: h1, limit: few}, deadline: 1s}",
        [
            "1:50 cannot use 'limit' for 'file.copy': input should be a valid integer, "
            "unable to parse string as an integer"
        ],
    ),
    "looked-up value of another type": (
        '- {id: a, do: check.host, with: {host: "${tenant.port}"}, deadline: 1s}',
        ["1:40 cannot use 'host' for 'check.host': input should be a valid string"],
    ),
    "parameter inside": (
        "- {id: a, do: file.copy, with: {host: h, label: {weight: 1}}, deadline: 1s}",
        ["1:32 'file.copy' needs 'label.key'"],
    ),
    "with as list": (
        "- {id: a, do: file.copy, with: [h1], deadline: 1s}",
        ["1:32 'with' must be a map"],
    ),
    "look-up": (
        '- {id: a, do: check.host, with: {host: "${tenant.nam}"}, deadline: 1s}',
        ["1:40 unknown name 'tenant.nam'; did you mean 'tenant.name'?"],
    ),
    "look-up in a loop is told once": (
        '- {id: a, do: check.host, for-each: hosts as h, with: {host: "${h.nam}"}, deadline: 1s}',
        ["1:62 unknown name 'h.nam'; did you mean 'h.name'?"],
    ),
    "undeclared input": (
        '- {id: a, do: check.host, with: {host: "${from}"}, deadline: 1s}',
        ["1:40 unknown name 'from'; known: empty, hosts, steps, tenant, to"],
    ),
    "id of a step it does not need": (
        "- {id: a, do: do.nothing, deadline: 1s}\n"
        '- {id: b, do: check.host, with: {host: "${steps.a}"}, deadline: 1s}',
        ["2:40 unknown name 'steps.a'; known: none"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), STEPS.values(), ids=STEPS.keys())
def test_problem_of_a_step(desk: Desk, text: str, expected: list[str]) -> None:
    assert desk.step_problems(text) == expected


ONE = "{stage: one, steps: [{id: a, do: do.nothing, deadline: 1s}]}"

RUNBOOKS = {
    "no runbook": ("stages: []", ["1:1 the runbook has no 'runbook'"]),
    "list": ("- a", ["1:1 the runbook must be a map"]),
    "unknown key": (
        f"runbook: test\nonfailure: stop\nstages: [{ONE}]",
        ["2:1 unknown key 'onfailure'; did you mean 'on-failure'?"],
    ),
    "on-failure": (
        f"runbook: test\non-failure: explode\nstages: [{ONE}]",
        ["2:13 unknown 'on-failure' 'explode'; known: continue, quarantine, roll-back, stop"],
    ),
    "kind of input": (
        f"runbook: test\ninputs: {{to: sight}}\nstages: [{ONE}]",
        ["2:14 unknown kind of input 'sight'; did you mean 'site'?"],
    ),
    "input called steps": (
        f"runbook: test\ninputs: {{steps: list}}\nstages: [{ONE}]",
        ["2:10 an input cannot be called 'steps'"],
    ),
    "input not given": (
        f"runbook: test\ninputs: {{from: site}}\nstages: [{ONE}]",
        ["2:10 unknown input 'from'; known: empty, hosts, tenant, to"],
    ),
    "input of another kind": (
        f"runbook: test\ninputs: {{to: list, tenant: count}}\nstages: [{ONE}]",
        [
            "2:10 input 'to' must be a list, but it is text",
            "2:20 input 'tenant' must be a count, but it is a map",
        ],
    ),
    "stage twice": (
        f"runbook: test\nstages:\n  - {ONE}\n  - {ONE}",
        ["4:5 stage 'one' is here twice"],
    ),
    "stage needs": (
        f"runbook: test\nstages:\n  - {ONE[:-1]}, needs: [two]}}",
        ["3:74 unknown stage 'two'; known: one"],
    ),
    "stages in a circle": (
        "runbook: test\nstages:\n"
        "  - {stage: one, needs: [two], steps: [{id: a, do: do.nothing, deadline: 1s}]}\n"
        "  - {stage: two, needs: [one], steps: [{id: b, do: do.nothing, deadline: 1s}]}",
        ["3:26 stages need each other: one → two → one"],
    ),
    "step against the order of stages": (
        "runbook: test\nstages:\n"
        "  - {stage: one, steps: [{id: a, do: do.nothing, needs: [b], deadline: 1s}]}\n"
        "  - {stage: two, needs: [one], steps: [{id: b, do: do.nothing, deadline: 1s}]}",
        ["3:58 steps need each other: a → b → a"],
    ),
    "same id in two stages": (
        "runbook: test\nstages:\n"
        "  - {stage: one, steps: [{id: a, do: do.nothing, deadline: 1s}]}\n"
        "  - {stage: two, steps: [{id: a, do: do.nothing, deadline: 1s}]}",
        ["4:26 step 'a' exists already, in stage 'one'"],
    ),
    "two items of one name": (
        "runbook: test\ninputs: {twins: list}\nstages:\n"
        "  - {stage: one, steps: [{id: a, do: do.nothing, for-each: twins as t, deadline: 1s}]}",
        ["4:60 'twins' has two items called 'x'"],
    ),
    "not YAML": ("runbook: 'test\n", ["2:1 cannot read YAML: found unexpected end of stream"]),
}


@pytest.mark.parametrize(("text", "expected"), RUNBOOKS.values(), ids=RUNBOOKS.keys())
def test_problem_of_a_runbook(desk: Desk, text: str, expected: list[str]) -> None:
    context: JsonMap = {**CONTEXT, "twins": ["x", "x"]} if "twins" in text else CONTEXT

    assert desk.problems(text, context=context) == [f"runbook.yml:{line}" for line in expected]


STAGE = "stage: reused\ninputs: {target: site}\nsteps: [{id: a, do: do.nothing, deadline: 1s}]"


USES = {
    "no file": (
        "{use: stages/no.yml}",
        STAGE,
        "runbook.yml:3:16 cannot read 'stages/no.yml': No such file or directory",
    ),
    "input not given": (
        "{use: stages/reused.yml}",
        STAGE,
        "runbook.yml:3:10 stage 'reused' is given no 'target'",
    ),
    "input of another kind": (
        "{use: stages/reused.yml, with: {target: [x]}}",
        STAGE,
        "runbook.yml:3:50 input 'target' of stage 'reused' must be a site, but it is a list",
    ),
    "input it does not have": (
        "{use: stages/reused.yml, with: {target: x, tarjet: x}}",
        STAGE,
        "runbook.yml:3:53 unknown input of stage 'reused' 'tarjet'; did you mean 'target'?",
    ),
    "look-up": (
        "{use: stages/reused.yml, with: {target: '${too}'}}",
        STAGE,
        "runbook.yml:3:50 unknown name 'too'; did you mean 'to'?",
    ),
    "overridden": (
        "{use: stages/reused.yml, with: {target: x}, steps: []}",
        STAGE,
        "runbook.yml:3:54 unknown key 'steps'; known: after, for-each, needs, use, waves, with",
    ),
    "inside the file": (
        "{use: stages/reused.yml, with: {target: x}}",
        STAGE.replace("deadline: 1s", "deadline: 1"),
        "stages/reused.yml:3:43 cannot read duration '1': write 15s, 5m, 2h or 30d",
    ),
    "not YAML": (
        "{use: stages/reused.yml, with: {target: x}}",
        "stage: [",
        "stages/reused.yml:1:9 cannot read YAML: expected the node content, but found '<stream end>'",
    ),
    "needs inside the file": (
        "{use: stages/reused.yml, with: {target: x}}",
        STAGE + "\nneeds: []",
        "stages/reused.yml:4:1 unknown key 'needs'; known: inputs, stage, steps",
    ),
}


@pytest.mark.parametrize(("use", "stage", "expected"), USES.values(), ids=USES.keys())
def test_problem_of_a_used_stage(desk: Desk, use: str, stage: str, expected: str) -> None:
    desk.write(stage, "stages/reused.yml").write(f"runbook: test\ninputs: {{to: site}}\nstages: [{use}]")

    assert desk.problems() == [expected]


def test_missing_runbook_is_told(desk: Desk) -> None:
    assert desk.problems() == ["runbook.yml:1:1 cannot read 'runbook.yml': No such file or directory"]


def test_all_problems_are_told_at_once_in_order(desk: Desk) -> None:
    assert desk.step_problems("""
        - {id: a, do: file.copi, deadline: 1s, needs: [c]}
        - {id: b, do: file.copy, with: {limit: few}, deadline: 1s}
        - {id: c, do: check.host, needs: [a], with: {host: "${tenant.nam}"}, deadline: 1s}
        """) == [
        "1:15 unknown action 'file.copi'; did you mean 'file.copy'?",
        "1:48 steps need each other: a → c → a",
        "2:32 'file.copy' needs 'host'",
        "2:40 cannot use 'limit' for 'file.copy': input should be a valid integer, "
        "unable to parse string as an integer",
        "3:52 unknown name 'tenant.nam'; did you mean 'tenant.name'?",
    ]  # fmt: skip


def test_problems_carry_hints(desk: Desk) -> None:
    desk.steps("- {id: a, do: do.nothing, deadline: 1s}")
    text = (desk.folder / "runbook.yml").read_text()
    bad = text + "\n      - {id: B, do: do.nothing, for-each: x, deadline: 1s}"

    with pytest.raises(ConfigError) as caught:
        desk.write(bad).compile()

    assert [problem.hint for problem in caught.value.problems] == [
        "A name has lower-case letters, digits and dashes, and begins with a letter.",
        "Write `for-each: tenant.databases as database`.",
    ]
