"""What may go wrong about a lost site: dead guards, a witness that is away, cuts, a failover killed twice."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab import plan
from tests.lab.clients import Client
from tests.lab.company import Company
from tests.lab.conftest import doom
from tests.lab.disaster import (
    check_acknowledged_are_there,
    check_lost,
    check_one_holder,
    find_instances,
    find_restored,
    order_failover,
    prepare,
    read_items,
    writing,
)
from tests.lab.host import HostMachine
from tests.lab.names import Site
from tests.lab.watching import Watched

pytestmark = pytest.mark.certificate


@pytest.fixture
def doomed(tmp_path: Path) -> Iterator[Company]:
    """One for each case: some leave hosts without power, and old stacks where they stand."""
    with doom(tmp_path) as company:
        yield company


TERM_S = 5.0
BEFORE, AFTER = "before the order", "after its end"
TERMS = 10


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 60) -> float:
    """Seconds until it held. Raises AssertionError."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() < began + seconds, f"waited in vain until {what}"
        time.sleep(0.1)
    return time.monotonic() - began


def find_sites(company: Company) -> tuple[Site, Site]:
    """The site that serves all tenants, and the other one."""
    home, away = company.lab.names.sites
    hosts = {host for host, _ in find_instances(company).values()}
    return (home, away) if hosts <= set(home.hosts) else (away, home)


def ask(company: Company, tenant: str, edge: str) -> int:
    return int(company.client(tenant).ask("GET", "/health", at=edge)["status"])


def test_an_edge_whose_guard_was_killed_stops_answering_by_itself(doomed: Company) -> None:
    tenant = doomed.lab.names.tenants[0]
    name, _ = find_instances(doomed)[tenant]
    host = doomed.lab.hosts[name]
    edge = str(host.edge_address)
    with contextlib.closing(host.open_client()) as engine:
        guard = engine.containers.get("drp-guard")
        guard.kill(signal="SIGKILL")
        took = wait_until(lambda: ask(doomed, tenant, edge) == 503, "the edge refuses")
        print(f"refused {took:.1f} s after the kill")
        guard.start()
        print(f"permitted {wait_until(lambda: ask(doomed, tenant, edge) == 200, 'it answers'):.1f} s later")


def test_a_witness_that_is_away_for_ten_terms_stops_nobody(doomed: Company) -> None:
    source, _ = find_sites(doomed)
    store = doomed.lab.store
    with writing(doomed, "witness") as clients:
        time.sleep(2)
        store.power_off()
        try:
            refused = doomed.ops2.try_drp("backup", "--all", "--yes")
            time.sleep(TERMS * TERM_S)
        finally:
            store.boot()
    print(f"a planned run while it was away: exit {refused.code}: {refused.said[-300:]}")
    assert refused.code not in (0, 70)
    for client in clients.values():
        records = client.records()
        bad = [write for write in records if not write.instance]
        print(f"{client.name}: {len(records)} writes, {len(bad)} failed, at {source.name}")
        assert bad == []


@contextlib.contextmanager
def cut(company: Company, site: Site, way: str) -> Iterator[None]:
    """The site is alive, and its client still reaches it; it hears nobody else, or nobody else hears it."""
    number = company.lab.names.sites.index(site)
    public, private = company.lab.routers
    with (
        public.cutting(plan.PUBLIC[number], spared=plan.CLIENT, way=way),
        private.cutting(plan.MANAGEMENT[number], spared=plan.CLIENT, way=way),
    ):
        yield


@pytest.mark.parametrize("way", ["both", "out", "in"])
def test_a_site_that_is_cut_off_alive_stops_acknowledging(doomed: Company, way: str) -> None:
    source, target = find_sites(doomed)
    olds = find_instances(doomed)
    tenants = doomed.lab.names.tenants
    with contextlib.ExitStack() as stack:
        clients = stack.enter_context(writing(doomed, f"{way}-name"))
        pinned: dict[str, Client] = {}
        edge = str(doomed.lab.hosts[source.hosts[0]].edge_address)
        pinned = stack.enter_context(writing(doomed, f"{way}-old", at=edge))
        ended = prepare(doomed, target)
        time.sleep(2)
        with cut(doomed, source, way):
            report = doomed.ops2.drp(*order_failover(source, target, len(tenants)))
            time.sleep(2)
        time.sleep(TERM_S)
    for tenant in tenants:
        host, old = olds[tenant]
        logs = [clients[tenant].records(), pinned[tenant].records()]
        print(tenant, check_lost(clients[tenant], find_restored(report, tenant, ended=ended), old))
        check_one_holder(logs)
        more = check_acknowledged_are_there(read_items(doomed, host, old), logs, old)
        print(f"{tenant}: {more} in the old volume that nobody was told of")


MOMENTS = (
    ("thaw", BEFORE),
    ("thaw", "tell*"),
    ("power", "fenced"),
    ("thaw", "fenced"),
    ("power", "volume*"),
    ("thaw", "restore*"),
    ("power", "restore*"),
    ("thaw", "route*"),
    ("power", "agreed*"),
    ("power", AFTER),
)
"""How a site is lost, and the step that has just begun when it comes back."""


@contextlib.contextmanager
def lost(company: Company, site: Site, way: str) -> Iterator[Callable[[], None]]:
    """It stands still, or has no power, until the function is called."""
    machines = company.lab.hosts_of(site.name)
    with contextlib.ExitStack() as back:
        for machine in machines:
            if way == "thaw":
                back.enter_context(machine.frozen())
            else:
                machine.power_off()
                back.callback(machine.boot)
        yield back.close


def test_a_site_that_comes_back_at_any_of_ten_moments_acknowledges_nothing(doomed: Company) -> None:
    """Lost in turn are the one site and the other."""
    for number, (way, moment) in enumerate(MOMENTS):
        print(f"---- {way}, back at {moment}")
        lose_and_return(doomed, way, moment, suffix=f"m{number}")


def lose_and_return(company: Company, way: str, moment: str, *, suffix: str) -> None:
    source, target = find_sites(company)
    olds = find_instances(company)
    edge = str(company.lab.hosts[source.hosts[0]].edge_address)
    with (
        writing(company, suffix) as clients,
        writing(company, f"{suffix}-old", at=edge) as pinned,
    ):
        ended = prepare(company, target)
        time.sleep(1)
        with lost(company, source, way) as come_back:
            time.sleep(2)
            if moment == BEFORE:
                come_back()
            words = order_failover(source, target, len(clients))
            run = Watched.begin(company.ops2, *words, log=company.folder / f"{suffix}.jsonl")
            if moment not in (BEFORE, AFTER):
                run.await_step(moment, "begun")
                come_back()
            finished = run.finish()
        time.sleep(TERM_S)
    assert finished.code == 0, finished.said
    assert {row["serves"] for row in company.ops2.drp("status")["tenants"]} == {target.name}
    for host in source.hosts if way == "power" else ():
        company.ops2.drp("start", host)
    for tenant, client in clients.items():
        host, old = olds[tenant]
        logs = [client.records(), pinned[tenant].records()]
        print(tenant, check_lost(client, find_restored(finished.data, tenant, ended=ended), old))
        check_one_holder(logs)
        if way == "thaw":
            check_acknowledged_are_there(read_items(company, host, old), logs, old)


def order_for_the_rest(company: Company, source: Site, target: Site) -> dict[str, Any]:
    """Who has a place now is taken over, the others are left out by name; the report."""
    plan = company.ops2.drp("plan", "failover", "--from", source.name, "--to", target.name, "--all")
    report = company.ops2.drp(*order_failover(source, target, len(plan["tenants"])))
    print([(row["tenant"], row["status"], row.get("cause")) for row in report["tenants"]])
    return report


def find_rows(report: dict[str, Any], status: str) -> dict[str, str]:
    """Tenant -> why, of those that ended so."""
    return {row["tenant"]: row.get("cause", "") for row in report["tenants"] if row["status"] == status}


def finish_with_all_hosts(
    doomed: Company, source: Site, target: Site, *, dead: HostMachine
) -> dict[str, Any]:
    """The host is back: the same order is for those that had no place without it."""
    dead.boot()
    doomed.ops2.drp("start", dead.name)
    report = order_for_the_rest(doomed, source, target)
    time.sleep(2)
    assert {row["serves"] for row in doomed.ops2.drp("status")["tenants"]} == {target.name}
    return report


def test_a_target_host_that_is_dead_beforehand_leaves_some_out_by_name(doomed: Company) -> None:
    source, target = find_sites(doomed)
    olds = find_instances(doomed)
    dead, living = doomed.lab.hosts[target.hosts[0]], target.hosts[1]
    with writing(doomed, "narrow") as clients:
        ended = prepare(doomed, target)
        time.sleep(2)
        for host in (*doomed.lab.hosts_of(source.name), dead):
            host.power_off()
        first = order_for_the_rest(doomed, source, target)
        left = find_rows(first, "skipped")
        assert left, "the tenant with a host of its own cannot stand beside the others"
        assert all(living in cause for cause in left.values())
        served = find_instances(doomed)
        assert {served[name][0] for name in find_rows(first, "done")} == {living}
        second = finish_with_all_hosts(doomed, source, target, dead=dead)
    assert set(find_rows(second, "done")) == set(left)
    for tenant, client in clients.items():
        backup = find_restored(second if tenant in left else first, tenant, ended=ended)
        print(tenant, check_lost(client, backup, olds[tenant][1]))
        check_one_holder([client.records()])


def test_a_target_host_that_dies_meanwhile_sets_aside_who_has_no_other_place(doomed: Company) -> None:
    """Who stands on the living host is served, though the dead one's edge hands nothing on."""
    source, target = find_sites(doomed)
    olds = find_instances(doomed)
    with writing(doomed, "dies") as clients:
        ended = prepare(doomed, target)
        time.sleep(2)
        for host in doomed.lab.hosts_of(source.name):
            host.power_off()
        plan = doomed.ops2.drp("plan", "failover", "--from", source.name, "--to", target.name, "--all")
        places = {row["tenant"]: row["to"].rpartition("/")[2] for row in plan["tenants"]}
        dead = doomed.lab.hosts[min(places.values(), key=[*places.values()].count)]
        words = order_failover(source, target, len(clients))
        run = Watched.begin(doomed.ops2, *words, log=doomed.folder / "dies.jsonl")
        run.await_step("restore*", "begun")
        dead.power_off()
        finished = run.finish()
        print([(row["tenant"], row["status"], row.get("cause")) for row in finished.data["tenants"]])
        assert finished.code == 9, finished.said
        stuck = find_rows(finished.data, "quarantined")
        assert {*stuck} == {name for name, place in places.items() if place == dead.name}
        assert {*find_rows(finished.data, "done")} == {*places} - {*stuck}
        assert [gap["edge"] for gap in finished.data["gaps"]] == [dead.name]
        again = doomed.ops2.try_drp(*order_failover(source, target, len(stuck)))
        assert again.code == 4, again.said
        assert all(f"cannot place '{name}'" in again.output for name in stuck), again.said
        reports = [finished.data, finish_with_all_hosts(doomed, source, target, dead=dead)]
        assert {ask(doomed, name, str(dead.edge_address)) for name in places} == {200}
    for tenant, client in clients.items():
        (report,) = (each for each in reports if tenant in find_rows(each, "done"))
        print(tenant, check_lost(client, find_restored(report, tenant, ended=ended), olds[tenant][1]))
        check_one_holder([client.records()])


def test_a_failover_killed_twice_is_finished_by_another_machine(doomed: Company) -> None:
    source, target = find_sites(doomed)
    olds = find_instances(doomed)
    with writing(doomed, "killed") as clients:
        ended = prepare(doomed, target)
        time.sleep(2)
        for host in doomed.lab.hosts_of(source.name):
            host.power_off()
        words = order_failover(source, target, len(clients))
        first = doomed.ops1.try_drp(*words, env={"DRP_FAULT": "after-effect:volume*"})
        assert first.code in (-signal.SIGKILL, 128 + signal.SIGKILL), first.said
        run = next(row["run"] for row in doomed.ops2.drp("status")["runs"] if row["verb"] == "failover")
        second = doomed.ops2.try_drp("resume", run, "--yes", env={"DRP_FAULT": "after-effect:smoke*"})
        assert second.code in (-signal.SIGKILL, 128 + signal.SIGKILL), second.said
        report = doomed.ops1.drp("resume", run, "--yes")
        time.sleep(2)
    print(report["elapsed_ms"], report["counts"])
    for tenant, client in clients.items():
        print(tenant, check_lost(client, find_restored(report, tenant, ended=ended), olds[tenant][1]))
        check_one_holder([client.records()])
