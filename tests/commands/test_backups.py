"""Backups beforehand: what they hold, where they stand, which are whole, which may go."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import pytest

from drp.actions.history import find_newest
from drp.actions.orders import Order
from drp.commands.backups import pruning, verifying
from drp.commands.backups.listing import list_all
from drp.commands.check.areas import check
from drp.commands.fleet import launch
from drp.commands.fleet.orders import NO_CONSENT
from drp.commands.fleet.results import FleetReport
from drp.commands.results import Listing
from drp.errors import RefusedError, UnreachableError
from drp.testing.clock import ManualClock
from drp.testing.company import FakeCompany
from tests.actions.runs import deploy, find_instance
from tests.commands.bench import TAILS, Bench, deployed

DAY = timedelta(days=1)


class TickingClock(ManualClock):
    """A second passes between any two looks at it."""

    def now(self) -> datetime:
        self.advance(timedelta(seconds=1))
        return super().now()


def back_up(bench: Bench, *tenants: str) -> FleetReport:
    order = Order(verb="backup", run="", tenant="", site="", tenants=tenants or ("acme",))
    bench.runs = bench.runs % len(TAILS)
    return launch.launch(bench.desk(), bench.workshop, order, consent=NO_CONSENT)


@cache
def _saved(folder: Path) -> FakeCompany:
    bench = Bench(folder, company=deployed())
    for _ in range(2):
        assert back_up(bench).ending.word == "done"
        bench.company.clock.advance(DAY)
    return bench.company


@pytest.fixture
def bench(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """acme has two backups, of yesterday and the day before."""
    company = copy.deepcopy(_saved(tmp_path_factory.getbasetemp() / "saved"))
    return Bench(tmp_path, company=company, runs=2)


def empty(company: FakeCompany) -> None:
    host, instance = find_instance(company)
    state = company.databases.load(company.hosts[host], instance)
    state["collections"] = {}
    company.databases.save(company.hosts[host], instance, state)


def prune(bench: Bench, keep: timedelta, *, yes: bool = True, dry_run: bool = False) -> Listing:
    return pruning.prune_all(
        bench.company, bench.state, ["acme"], keep=keep, confirm=lambda _: yes, dry_run=dry_run
    )


def ids(bench: Bench) -> list[str]:
    found = list_all(bench.company, ["acme"]).data["backups"]
    assert isinstance(found, list)
    return [str(each["id"]) for each in found if isinstance(each, dict)]


def test_a_backup_says_how_many_documents_it_holds(bench: Bench) -> None:
    (outcome,) = back_up(bench).outcomes
    assert outcome.to_json()["documents"] == 3


def test_d3_an_empty_backup_after_a_full_one_fails_and_is_not_restored_from(bench: Bench) -> None:
    newest = ids(bench)[0]
    empty(bench.company)
    report = back_up(bench)
    (outcome,) = report.outcomes
    assert (outcome.status, outcome.code) == ("quarantined", "D3")
    assert "holds 0 documents" in outcome.cause
    assert "held 3" in outcome.cause
    found = find_newest(bench.company, bench.company.inventory.tenants["acme"])
    assert found is not None
    assert found.backup_id == newest


def test_a_plan_made_a_second_ago_is_still_the_plan(bench: Bench) -> None:
    bench.company.clock = TickingClock(bench.company.clock.now())
    assert back_up(bench).ending.word == "done"


def test_d4_no_backup_is_kept_where_it_is_lost_with_the_site(bench: Bench) -> None:
    stores = bench.company.inventory.stores
    moved = {**stores, "keys": replace(stores["keys"], place="dc3")}
    bench.company.inventory = replace(bench.company.inventory, stores=moved)
    bench = Bench(bench.state, company=bench.company)
    with pytest.raises(RefusedError, match="stands in 'dc3' and is lost with 'dc3'"):
        back_up(bench)
    found = check(bench.company, ["backups"], is_alive=lambda _: None)
    assert (found.ending.code, "D4" in "".join(found.lines)) == (11, True)


def test_list_tells_age_documents_and_what_is_damaged(bench: Bench) -> None:
    found = list_all(bench.company, ["acme"])
    assert found.ending.code == 0
    assert [[line.split()[2][:16], *line.split()[3:5]] for line in found.lines] == [
        ["20310305T021100Z", "1d0h", "old"],
        ["20310304T021100Z", "2d0h", "old"],
    ]
    store = bench.company.stores["backups"]
    store.content[f"drp1/acme/base/{ids(bench)[0]}/MANIFEST.json"] = b"{}"
    found = list_all(bench.company, ["acme", "globex"])
    assert found.ending.code == 11
    assert "damaged: cannot read the manifest" in found.lines[0]
    assert "globex" in found.lines[2]


def test_verify_names_what_is_damaged(bench: Bench) -> None:
    assert verifying.verify_all(bench.company, ["acme"], deep=False).ending.code == 0
    store, newest = bench.company.stores["backups"], ids(bench)[0]
    key = next(key for key in store.list(f"drp1/acme/base/{newest}") if key.endswith("content"))
    store.content[key] += b"x"
    found = verifying.verify_all(bench.company, ["acme"], deep=False)
    assert (found.ending.code, found.lines[0].count(key)) == (11, 1)
    assert found.summary.startswith("✗ 1 of 2 whole")


def test_prune_keeps_the_newest_readable_one_and_removes_manifests_first(bench: Bench) -> None:
    old, store = ids(bench)[1], bench.company.stores["backups"]
    before = bench.company.dump()
    assert "would go" in prune(bench, timedelta(hours=1), dry_run=True).lines[0]
    assert prune(bench, timedelta(hours=1), yes=False).ending.word == "cancelled"
    assert bench.company.dump() == before
    store.fail_next("delete", UnreachableError("no more power"), after_effect=True)
    with pytest.raises(UnreachableError):
        prune(bench, timedelta(hours=1))
    left = [key for key in store.list("drp1/acme/") if old in key]
    assert left
    assert not [key for key in left if key.endswith("MANIFEST.json")]
    found = prune(bench, timedelta(hours=1))
    assert "the newest that can be restored from" in found.lines[1]
    assert len(ids(bench)) == 1
    assert not [k for name in ("backups", "keys") for k in bench.company.stores[name].content if old in k]


@pytest.mark.failure_mode("D6")
def test_prune_keeps_what_an_open_run_uses(bench: Bench) -> None:
    bench.cut("after-effect:backup")
    bench.company.clock.advance(40 * DAY)
    used = ids(bench)[0]
    assert back_up(Bench(bench.state / "other", company=bench.company, runs=3), "acme").ending.code in (0, 5)
    found = prune(bench, 35 * DAY)
    assert f"{used}  stays: an open run uses it" in "\n".join(found.lines)
    assert used in ids(bench)


def test_status_puts_a_tenant_whose_backup_is_too_old_under_needs_you(bench: Bench) -> None:
    (fact,) = bench.status().backups
    assert (fact.is_well, fact.age_s, fact.documents) == (False, 86400, 3)
    back_up(bench)
    (fact,) = bench.status().backups
    assert (fact.is_well, fact.age_s) == (True, 0)


def test_status_says_that_a_tenant_has_no_backup() -> None:
    company = FakeCompany()
    deploy(company, "globex")
    (fact,) = Bench(Path("unused"), company=company).status("globex").backups
    assert (fact.age_s, fact.is_well) == (None, False)
