"""After a restart of a host: nothing runs by itself, secrets are gone, the witness says what may serve."""

from __future__ import annotations

import copy
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest

from drp.commands.fleet import launch
from drp.commands.fleet.orders import NO_CONSENT
from drp.commands.fleet.results import FleetReport
from drp.commands.fleet.starting import build_start
from drp.errors import RefusedError, UsageError
from drp.testing.company import FakeCompany
from drp.witness.epochs import Claim, Epochs, Serving
from tests.actions.runs import deploy, run_plan
from tests.commands.bench import Bench, deployed


@cache
def _two() -> FakeCompany:
    company = deployed()
    deploy(company, "globex")
    return company


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """dc3 serves acme and globex on h1, which was without power."""
    company = copy.deepcopy(_two())
    company.hosts["h1"].reboot()
    return Bench(tmp_path, company=company)


def start(bench: Bench, word: str) -> FleetReport:
    order = build_start(bench.company, word)
    return launch.launch(bench.desk(), bench.workshop, order, consent=NO_CONSENT)


def statuses(report: FleetReport) -> dict[str, str]:
    return {outcome.tenant: outcome.status for outcome in report.outcomes}


def serving(bench: Bench) -> dict[str, str]:
    return {each.tenant: each.site for each in bench.status().served if each.site != "nobody"}


def test_c19_a_restarted_host_serves_again_what_is_served_there(bench: Bench) -> None:
    assert serving(bench) == {"acme": "unknown", "globex": "unknown"}
    before = {name: [*volume.files] for name, volume in bench.company.hosts["h1"].world.volumes.items()}
    report = start(bench, "h1")
    assert report.ending.word == "done", report.to_json()
    assert statuses(report) == {
        "acme": "done",
        "globex": "done",
    }
    assert serving(bench) == {"acme": "dc3", "globex": "dc3"}
    volumes = bench.company.hosts["h1"].world.volumes
    assert {name: [*volume.files] for name, volume in volumes.items()} == before


def test_one_tenant_is_started_alone(bench: Bench) -> None:
    report = start(bench, "globex")
    assert report.ending.word == "done", report.to_json()
    assert serving(bench) == {"acme": "unknown", "globex": "dc3"}


def test_a_restarted_host_hands_on_what_other_hosts_of_its_site_serve(tmp_path: Path) -> None:
    bench = Bench(tmp_path, company=copy.deepcopy(_two()))
    company = bench.company
    company.hosts["h2"].reboot()
    company.edges["h2"].set_route("acme.example.test", None)
    address = company.inventory.host("h2").edge
    report = start(bench, "h2")
    assert (report.ending.word, statuses(report)) == ("done", {})
    assert company.probes.get(address, "acme.example.test", "/", timedelta(seconds=1)).status == 200


def test_h1_what_is_served_elsewhere_stays_closed(tmp_path: Path) -> None:
    company = copy.deepcopy(_two())
    bench = Bench(tmp_path, company=company)
    assert bench.launch("migrate", "dc5").ending.word == "done"
    company.hosts["h1"].reboot()
    report = start(bench, "h1")
    assert report.ending.word == "done", report.to_json()
    (acme,) = [outcome for outcome in report.outcomes if outcome.tenant == "acme"]
    assert (acme.status, "dc5 serves it" in acme.cause) == ("skipped", True)
    assert company.hosts["h1"].world.containers["acme-e0001-api"].status != "running"
    assert serving(bench) == {"acme": "dc5", "globex": "dc3"}


def test_h1_who_was_taken_over_since_the_plan_was_made_is_not_opened(bench: Bench) -> None:
    plan = launch.plan(bench.workshop, build_start(bench.company, "acme")).plan
    epochs = Epochs(bench.company.stores["witness"])
    taken = {"tenant": "acme", "epoch": 2, "run": "elsewhere", "site": "dc5", "host": "h3"}
    epochs.claim(Claim(**taken, actor="eva", time="", digest=""))  # type: ignore[arg-type]
    epochs.serve(Serving(**taken, since=""))  # type: ignore[arg-type]
    result = run_plan(bench.company, plan)
    failure = result.failures["acme"]
    assert (failure.step, failure.cause.page) == ("owner/acme", "H1")
    assert not [c for c in bench.company.hosts["h1"].world.running() if c.spec.name.startswith("acme")]


def test_a_tenant_with_an_open_run_waits_for_that_run(tmp_path: Path) -> None:
    bench = Bench(tmp_path, company=copy.deepcopy(_two()))
    bench.cut("after-effect:restore")
    bench.company.hosts["h1"].reboot()
    with pytest.raises(RefusedError, match="run 'migrate-310304-7f3a' on it is open"):
        start(bench, "acme")
    report = start(bench, "h1")
    assert statuses(report) == {
        "acme": "skipped",
        "globex": "done",
    }


def test_what_is_neither_host_nor_tenant_is_not_started(bench: Bench) -> None:
    with pytest.raises(UsageError, match="neither a host nor a tenant"):
        start(bench, "h9")
    with pytest.raises(RefusedError, match="knows of no site"):
        start(bench, "initech")
