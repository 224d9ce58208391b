"""``drp drill schedule`` as it is typed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from drp.cli.arguments import parse_arguments
from drp.cli.completion import complete
from drp.cli.names import Names
from drp.model.drills import DrillSchedule
from drp.model.hours import parse_hours
from drp.witness.schedules import Change, Schedules
from tests.cli.shell import Shell, check_golden
from tests.commands.bench import build_workshop

CONFIGURED = DrillSchedule(name="weekly", cron="0 3 * * Sun", zone="Europe/Paris", sample=7, site="dc5")


@pytest.fixture
def planned(shell: Shell) -> Shell:
    """The configuration asks for a drill each week; acme works from nine to five."""
    inventory = shell.company.inventory
    acme = replace(inventory.tenants["acme"], hours=parse_hours("Mon-Fri 09:00-17:00 Europe/Paris"))
    policies = replace(inventory.policies, drills=(CONFIGURED,))
    shell.company.inventory = replace(
        inventory, policies=policies, tenants={**inventory.tenants, "acme": acme}
    )
    shell.workshop = build_workshop(shell.company)
    return shell


def test_words_of_schedules(planned: Shell) -> None:
    """Added, listed, paused, told, and removed again."""
    lines = [
        "drill schedule next",
        "drill schedule add nightly --cron @daily --sample 2",
        "drill schedule add nightly --cron @daily",
        "drill schedule add noon --cron @hourly --tenants acme --within 2h --zone UTC",
        "drill schedule pause weekly",
        "drill schedule pause weekly",
        "drill schedule list",
        "drill schedule next",
        "drill schedule pause weekly --off",
        "drill schedule remove weekly",
        "drill schedule remove nightly",
        "drill schedule pause nightly",
    ]
    planned.company.clock.advance(timedelta(hours=9))
    said = "".join(f"$ drp {line}\n{planned.type(line).show()}" for line in lines)
    check_golden("schedule", said)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("Bad_Name --cron @daily", "cannot use name 'Bad_Name'"),
        ("a --cron @often", "cannot read cron expression '@often'"),
        ("a --cron @daily --zone Mars/Base", "cannot read time zone 'Mars/Base'"),
        ("a --cron @daily --site dc9", "cannot drill at 'dc9': there is no such site"),
        ("a --cron @daily --tenants hooli", "cannot drill 'hooli': there is no such tenant"),
    ],
)
def test_what_cannot_be_added(planned: Shell, options: str, words: str) -> None:
    said = planned.type(f"drill schedule add {options}")
    assert (said.code, words in said.words) == (2, True), said
    assert planned.type("drill schedule list --json").lines()[-1]["data"]["schedules"][1:] == []  # type: ignore[index, call-overload]


def test_a_dry_run_adds_nothing(planned: Shell) -> None:
    assert (
        planned.type("drill schedule add nightly --cron @daily --dry-run").out == "would be added: nightly\n"
    )
    assert planned.type("drill schedule pause nightly").code == 2


@pytest.mark.parametrize("damage", [{"cron": "often"}, {"zone": "Mars/Base"}, {"sample": "all"}])
def test_a_schedule_that_cannot_be_read_is_told_and_can_be_removed(
    planned: Shell, damage: dict[str, str]
) -> None:
    data = {**replace(CONFIGURED, name="odd").to_json(), **damage}
    change = Change(name="odd", kind="add", at="2031-03-04T02:00:00+00:00", owner="eva@ops1", schedule=data)
    Schedules(planned.company.stores["witness"]).change(change)
    said = planned.type("drill schedule list")
    assert said.code == 6
    assert "cannot read schedule 'odd' in the witness" in said.words
    assert planned.type("drill schedule remove odd").code == 0
    assert planned.type("drill schedule list").code == 0
    assert planned.type("drill schedule remove odd").code == 2
    assert planned.type("drill schedule remove ../odd").code == 2


def test_groups_in_groups_are_read_and_completed() -> None:
    found = parse_arguments(["drill", "schedule", "pause", "weekly", "--off", "--json"])
    assert found is not None
    assert (found.verb, found.subject, found.off) == ("drill schedule pause", "weekly", True)
    names = Names()
    assert "schedule" in complete(["drill", ""], names)
    assert complete(["drill", "schedule", "pa"], names) == ["pause"]
