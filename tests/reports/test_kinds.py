"""Every kind of run has a report, and it says what was said at the end of the run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from drp.actions.orders import Order
from drp.commands.drill.running import run_drill
from drp.commands.fleet import launch
from drp.commands.fleet.orders import Consent
from drp.commands.fleet.results import FleetReport
from drp.commands.journals import read_local
from drp.commands.results import RunReport
from drp.reports.building import build_report
from drp.reports.evidence import Evidence
from drp.reports.html import render_html
from drp.reports.model import Report
from drp.reports.text import render_text
from drp.testing.databases import State
from tests.actions.test_drill import damage_pack
from tests.commands.bench import DENIED, Bench, build_workshop
from tests.faults.stories import begin_reserved, copy_company

Given = RunReport | FleetReport
CANARY = "a document of which nobody shall read"


def many(bench: Bench, verb: str, tenants: tuple[str, ...], site: str = "") -> FleetReport:
    order = Order(verb=verb, run="", tenant="", tenants=tenants, site=site)
    return launch.launch(bench.desk(), bench.workshop, order, consent=Consent(expect_tenants=len(tenants)))


def reserved(bench: Bench) -> None:
    """acme and globex are served by dc3 and have a backup."""
    bench.company = copy_company(begin_reserved())
    bench.workshop = build_workshop(bench.company)


def migrate(bench: Bench) -> Given:
    return bench.launch("migrate", "dc5")


def alter(state: State) -> None:
    state["collections"]["app.orders"]["documents"][1] = CANARY


def migrate_in_vain(bench: Bench) -> Given:
    bench.company.databases.damage_restored = alter
    return bench.launch("migrate", "dc5")


def migrate_stuck(bench: Bench) -> Given:
    bench.company.edges["h2"].fail_next("release", DENIED, times=99)
    return migrate_in_vain(bench)


def retire(bench: Bench) -> Given:
    bench.launch("migrate", "dc5")
    bench.company.clock.advance(timedelta(hours=1))
    return bench.launch("retire", "dc3")


def deploy(bench: Bench) -> Given:
    return bench.launch("deploy", "dc3", "globex")


def roll_back(bench: Bench) -> Given:
    bench.cut("after-effect:restore")
    return bench.recover("acme", back=True)


def back_up(bench: Bench) -> Given:
    return many(bench, "backup", ("acme",))


def drill(bench: Bench) -> Given:
    reserved(bench)
    reserved(bench)
    damage_pack(bench.company)
    order = Order(verb="drill", run="", tenant="", tenants=("acme", "globex"), site="")
    return run_drill(bench.desk(), bench.workshop, order)


def fail_back(bench: Bench) -> Given:
    reserved(bench)
    reserved(bench)
    return many(bench, "failback", ("acme", "globex"), "dc5")


def newest(bench: Bench, run: str) -> Report:
    return build_report(read_local(bench.state / f"{run}.journal"))


@pytest.mark.parametrize(
    "give",
    [migrate, migrate_in_vain, migrate_stuck, retire, deploy, roll_back, back_up, drill, fail_back],
    ids=lambda give: give.__name__,
)
def test_the_report_agrees_with_the_end_of_the_run(bench: Bench, give: Callable[[Bench], Given]) -> None:
    end = give(bench)
    report = newest(bench, end.run)
    assert (report.status, report.exit_code, report.verb) == (end.ending.word, end.ending.code, end.verb)
    if isinstance(end, FleetReport):
        assert [(each.tenant, each.status) for each in report.tenants] == [
            (each.tenant, each.status) for each in end.outcomes
        ]
    else:
        assert [(each.tenant, each.serves) for each in report.tenants] == [
            (end.served.tenant, end.served.site)
        ]
    assert report.tenants[0].target or give is back_up
    told = render_html(report) + "\n".join(render_text(report))
    assert "None" not in told
    assert end.run in told


def test_a_failure_has_its_cause_and_who_serves_but_no_document(bench: Bench) -> None:
    """The document differs at the two sites, so it was looked at closely."""
    records = read_local(bench.state / f"{migrate_in_vain(bench).run}.journal")
    report = build_report(records)
    only = report.tenants[0]
    assert (only.status, only.serves, "at the source" in only.cause) == ("as-before", "dc3", True)
    assert report.next == "drp migrate acme --to dc5"
    signed = Evidence(records, bench.company.secrets["dc3.signing"])
    told = render_html(report) + "\n".join(render_text(report)) + signed.write().decode()
    assert CANARY not in told + signed.extract("acme").decode()


def test_moves_of_many_tell_what_each_cost(bench: Bench) -> None:
    report = newest(bench, fail_back(bench).run)
    assert [(each.source, each.target, each.rpo_s) for each in report.tenants] == [("dc3", "dc5", 0.0)] * 2
    assert all(each.content["documents"] == 3 and each.freeze_s is not None for each in report.tenants)


def test_a_drill_that_finds_something_says_whom_to_drill_again(bench: Bench) -> None:
    report = newest(bench, drill(bench).run)
    assert [(each.tenant, each.status, each.next) for each in report.troubled] == [
        ("acme", "quarantined", "drp drill run --tenants acme")
    ]
    assert {found.what for found in report.tenants[1].comparisons} >= {
        "the drill's proof",
        "accounts logged in",
    }


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "state")
