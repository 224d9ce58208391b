"""A site is lost while clients write: frozen and thawed, then without power. Who serves, and what is lost."""

from __future__ import annotations

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.lab.company import Company
from tests.lab.disaster import (
    check_acknowledged_are_there,
    check_lost,
    check_one_holder,
    find_instances,
    find_restored,
    find_running,
    order_failover,
    point,
    prepare,
    read_items,
    writing,
)
from tests.lab.machine import LabError
from tests.lab.names import Site
from tests.lab.watching import Watched

ACKNOWLEDGED_S = 2.0
"""How long clients write before the site is lost, and after another one serves."""


def check_served_by(company: Company, site: Site, *, closed: Site) -> dict[str, Any]:
    """What `drp status` says on another machine, and that it was not slow to say it."""
    began = time.monotonic()
    found = company.ops2.drp("status")
    print(f"status after {time.monotonic() - began:.1f} s")
    assert {row["serves"] for row in found["tenants"]} == {site.name}
    states = {row["host"]: row["edge"] for row in found["hosts"]}
    assert all(states[host] != "open" for host in closed.hosts), states
    return found


@pytest.mark.failure_mode("H1")
def test_a_site_that_was_frozen_wakes_up_and_acknowledges_nothing(doomed: Company) -> None:
    company = doomed
    home, away = company.lab.names.sites
    old_edge = str(company.lab.hosts[home.hosts[0]].edge_address)
    olds = find_instances(company)
    with writing(company, "name") as clients, writing(company, "old", at=old_edge) as pinned:
        ended = prepare(company, away)
        time.sleep(ACKNOWLEDGED_S)
        with contextlib.ExitStack() as frozen:
            for host in company.lab.hosts_of(home.name):
                frozen.enter_context(host.frozen())
            report = company.ops2.drp(*order_failover(home, away, len(clients)))
            time.sleep(ACKNOWLEDGED_S)
        thawed = time.time()
        check_served_by(company, away, closed=home)
        time.sleep(ACKNOWLEDGED_S)
    print_report(report)
    news = find_instances(company)
    for tenant, client in clients.items():
        old_host, old = olds[tenant]
        backup = find_restored(report, tenant, ended=ended)
        print(tenant, check_lost(client, backup, old))
        logs = [client.records(), pinned[tenant].records()]
        check_one_holder(logs)
        late = [write for write in logs[1] if write.ended > thawed]
        assert late, "no client of the old edge has asked again"
        assert {write.status for write in late} <= {200, 503}
        more = check_acknowledged_are_there(read_items(company, old_host, old), logs, old)
        print(f"{tenant}: {more} in the old volume that nobody was told of")
        new_host, new = news[tenant]
        check_acknowledged_are_there(read_items(company, new_host, new), logs, new)


def print_report(report: dict[str, Any]) -> None:
    rows = [(row["tenant"], row["status"], row.get("rto_s"), row.get("rpo_s")) for row in report["tenants"]]
    print(report["elapsed_ms"], report["stages_ms"], rows)


def test_a_site_without_power_and_the_drp_that_ran_there(doomed: Company) -> None:
    company = doomed
    there, here = company.lab.names.sites
    source, target = (there, here) if serves(company, there) else (here, there)
    sick, *well = company.lab.names.tenants
    olds = find_instances(company)
    zone = company.lab.dns.zone
    with writing(company, "cut") as clients:
        ended = prepare(company, target)
        time.sleep(ACKNOWLEDGED_S)
        point(company, sick, f"elsewhere.{zone}")
        interrupted = Watched.begin(company.ops1, "backup", "--all", "--yes", log=company.folder / "b.jsonl")
        interrupted.await_step("backup*", "begun")
        with ThreadPoolExecutor(3) as pool:
            machines = [*company.lab.hosts_of(source.name), company.lab.ops1]
            list(pool.map(lambda machine: machine.power_off(), machines))
        finished = company.ops2.try_drp(*order_failover(source, target, len(clients)))
        assert finished.code == 9, finished.said
        statuses = {row["tenant"]: row["status"] for row in finished.data["tenants"]}
        wanted = {sick: "quarantined", **dict.fromkeys(well, "done")}
        assert statuses == wanted, finished.said
        before = find_instances(company)
        point(company, sick, f"{source.name}.{zone}")
        report = company.ops2.drp("retry", finished.data["run"], "--failed", "--yes")
        time.sleep(ACKNOWLEDGED_S)
    print_report(finished.data)
    print_report(report)
    news = find_instances(company)
    assert {name: news[name] for name in well} == {name: before[name] for name in well}
    for tenant, client in clients.items():
        backup = find_restored(finished.data if tenant in well else report, tenant, ended=ended)
        print(tenant, check_lost(client, backup, olds[tenant][1]))
        check_one_holder([client.records()])
        new_host, new = news[tenant]
        check_acknowledged_are_there(read_items(company, new_host, new), [client.records()], new)
    check_it_stays_closed_with_power(company, source, serving=target)


def serves(company: Company, site: Site) -> bool:
    hosts = {host for host, _ in find_instances(company).values()}
    return hosts <= set(site.hosts)


def check_it_stays_closed_with_power(company: Company, site: Site, *, serving: Site) -> None:
    """Nothing starts by itself, no edge answers, and who asks drp is told so."""
    for machine in [*company.lab.hosts_of(site.name), company.lab.ops1]:
        machine.boot()
    assert find_running(company, site) == []
    found = check_served_by(company, serving, closed=site)
    states = {row["host"]: row["edge"] for row in found["hosts"]}
    assert {states[host] for host in site.hosts} == {"closed"}
    client = company.client(company.lab.names.tenants[0], suffix="-dead")
    for host in company.lab.hosts_of(site.name):
        with pytest.raises(LabError):
            client.ask("GET", "/health", at=str(host.edge_address))
