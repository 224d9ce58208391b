"""``drp readiness`` in words, in JSON, and by its exit code."""

from __future__ import annotations

import re
from typing import Any

import pytest

from drp.cli.arguments import parse_arguments
from drp.commands.readiness.readiness import Question, judge_readiness
from drp.testing.company import FakeCompany
from tests.cli.shell import Shell, check_golden
from tests.commands import test_check as planting
from tests.commands import test_readiness as readiness
from tests.commands.bench import never_alive
from tests.commands.test_estimates import put_run

company = readiness.company


@pytest.fixture
def ready(shell: Shell, company: FakeCompany) -> Shell:
    return Shell(shell.state, company)


def test_words_of_a_company_that_is_ready(ready: Shell) -> None:
    for number, seconds in enumerate((600, 900, 720)):
        put_run(ready.company.stores["witness"], number, seconds, tenant="all", verb="failover")
    check_golden("readiness-well", ready.type("readiness --fit").show())


def test_words_of_one_that_is_not(ready: Shell) -> None:
    readiness.fail_drill(ready.company)
    readiness.age_backup(ready.company)
    planting.slow_clock(ready.company)
    said = ready.type("readiness --from dc3 --to dc5")
    check_golden("readiness-red", said.show())
    assert said.code == 11


def test_what_could_not_be_looked_at_is_not_called_well(ready: Shell) -> None:
    readiness.silence_witness(ready.company)
    said = ready.type("readiness")
    assert said.out.startswith("✗ 0 of 3 could fail over unknown → unknown now · exit 11")
    assert "well" not in said.out


def test_json_tells_the_same(ready: Shell) -> None:
    readiness.forget_proof(ready.company)
    result: Any = ready.type("readiness --json").lines()[-1]
    data = result["data"]
    assert (result["exit_code"], data["ready"], data["asked"]) == (11, 0, 1)
    (tenant,) = data["tenants"]
    assert [cause["reason"] for cause in tenant["causes"]] == ["proof"]


@pytest.mark.parametrize("name", readiness.PLANTED)
def test_each_cause_has_a_command_that_can_be_typed(company: FakeCompany, name: str) -> None:
    """Bar 19."""
    readiness.PLANTED[name][0](company)
    tenants = tuple(company.inventory.tenants)
    found = judge_readiness(company, Question(tenants=tenants), is_alive=never_alive)
    for cause in found.all_causes:
        commands = re.findall(r"`drp ([^`]+)`", cause.trouble.hint)
        assert commands
        for command in commands:
            parse_arguments(command.split())
