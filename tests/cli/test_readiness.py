"""``drp readiness`` in words, in JSON, and by its exit code."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from drp.cli.readiness_text import render_readiness
from drp.commands.check.looks import Trouble
from drp.commands.readiness.results import REASONS, Cause, Readiness, Reason, TenantReadiness
from drp.model.drills import DrillSchedule
from drp.testing.clock import START
from drp.testing.company import FakeCompany
from tests.cli.shell import Shell, check_golden
from tests.commands import test_check as planting
from tests.commands import test_readiness as readiness
from tests.commands.bench import build_workshop
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


def test_a_thousand_causes_are_as_short_as_one() -> None:
    """Bar 33: and bar 34, lists are cut."""

    def build(reason: Reason, tenant: str) -> Cause:
        return Cause(
            reason=reason, tenant=tenant, trouble=Trouble(message=f"cannot do '{tenant}': no", hint="No.")
        )

    names = [f"tenant-{number}" for number in range(1000)]
    tenants = tuple(
        TenantReadiness(tenant=name, causes=tuple(build(reason, name) for reason in REASONS))
        for name in names
    )
    found = Readiness(
        at=START, source="dc3", target="dc5", tenants=tenants, left_out={},
        causes=(build("engine", ""), build("clock", "")),
    )  # fmt: skip
    lines = render_readiness(found, UTC)
    assert len(lines) <= 24
    assert max(len(line) for line in lines) <= 100
    assert lines[0] == "✗ 0 of 1000 could fail over dc3 → dc5 now · exit 11"
    assert "also tenant-1, tenant-2," in " ".join(" ".join(lines).split())
    assert lines[-1] == "✗ +9 reasons: drp readiness --json"


def _read_page(shell: Shell, path: Path, options: str = "") -> tuple[int, str]:
    code = shell.type(f"readiness --html {path}{options}").code
    return code, path.read_text()


def test_the_page_tells_all_of_it_and_asks_for_nothing(ready: Shell, tmp_path: Path) -> None:
    inventory = ready.company.inventory
    drills = (DrillSchedule(name="weekly", cron="0 3 * * Sun", zone="Europe/Paris", site="dc5"),)
    ready.company.inventory = replace(inventory, policies=replace(inventory.policies, drills=drills))
    ready.workshop = build_workshop(ready.company)
    readiness.age_backup(ready.company)
    code, page = _read_page(ready, tmp_path / "readiness.html")
    assert code == 11
    for words in (
        "<h1>Readiness dc3 → dc5</h1>", "not ready", "2031-03-04 06:11:00 CET", "0 of 1",
        "its newest backup is 3h0", "drp backup acme", "3h00m ago", "2m31s", "of 17.2 GB",
        "2031-03-09 03:00:00 CET", "served by nobody",
    ):  # fmt: skip
        assert words in page, words
    assert re.findall(r"<script|<link|<img|\bon\w+=|url\((?!#)|@import|https?://", page) == []


def test_the_page_of_a_company_that_is_ready(ready: Shell, tmp_path: Path) -> None:
    code, page = _read_page(ready, tmp_path / "readiness.html", " --fit")
    assert (code, "<p>Nothing.</p>" in page, "None is scheduled" in page) == (0, True, True)


def test_the_page_without_the_witness(ready: Shell, tmp_path: Path) -> None:
    readiness.silence_witness(ready.company)
    code, page = _read_page(ready, tmp_path / "readiness.html")
    assert (code, "Only the witness" in page) == (11, True)
