"""The second act of the demo: the home site loses power while clients write, and the drp that ran there."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from drp.model.values import render_list
from tests.lab.clients import Verified
from tests.lab.company import Company
from tests.lab.disaster import (
    count_unexplained,
    find_instances,
    find_restored,
    find_running,
    order_failover,
    prepare,
    writing,
)
from tests.lab.telling import told
from tests.lab.watching import Watched

_SETTLE_S = 2.0
"""How long clients write before the power is cut, and after others serve."""


def play(company: Company) -> bool:
    """Every tenant still at home is served by the other site, and home stays closed. True: all is well."""
    home, away = company.lab.names.sites
    olds = find_instances(company)
    left = [name for name, (host, _) in olds.items() if host in home.hosts]
    with told("backups", f"drp backup --all · drp reserve --all --to {away.name}"):
        ended = prepare(company, away)
    print(f"2 of 3  {home.name} loses power, and with it the drp that ran there", flush=True)
    with writing(company, "disaster") as clients:
        time.sleep(_SETTLE_S)
        cut_power(company)
        words = order_failover(home, away, len(left))
        with told("failover", f"drp failover --from {home.name} --to {away.name} --all"):
            report = company.ops2.drp(*words)
        time.sleep(_SETTLE_S)
    with told("verify", "every acknowledged write, by value, through the API"), ThreadPoolExecutor(3) as pool:
        found = dict(zip(clients, pool.map(lambda client: client.verify(), clients.values()), strict=True))
    strange = {
        name: count_unexplained(
            clients[name], found[name], find_restored(report, name, ended=ended), olds[name][1]
        )
        for name in left
    }
    for name in left:
        print_row(away.name, row_of(report, name), found[name], strange=strange[name])
    return is_closed(company) and not any(strange.values())


def cut_power(company: Company) -> None:
    """Both hosts of the home site and the operator's machine, in the middle of a backup."""
    log = company.folder / "interrupted.jsonl"
    Watched.begin(company.ops1, "backup", "--all", "--yes", log=log).await_step("backup*", "begun")
    machines = [*company.lab.hosts_of(company.lab.names.home.name), company.lab.ops1]
    with ThreadPoolExecutor(len(machines)) as pool:
        list(pool.map(lambda machine: machine.power_off(), machines))


def row_of(report: dict[str, Any], tenant: str) -> dict[str, Any]:
    found: dict[str, Any] = next(row for row in report["tenants"] if row["tenant"] == tenant)
    return found


def print_row(site: str, row: dict[str, Any], verified: Verified, *, strange: int) -> None:
    lost = f"{len(verified.lost)} of {verified.acknowledged:,} acknowledged writes lost"
    why = f"{strange} OF THEM NOT EXPLAINED" if strange else "all younger than its backup"
    print(
        f" {'✗' if strange else '✓'} {row['tenant']:9} served by {site} after {row['rto_s']:.0f} s · {lost}, "
        f"{why} (RPO {row['rpo_s']:.0f} s)"
    )


def is_closed(company: Company) -> bool:
    """Give the site its power again, and look: nothing runs there, and drp says so."""
    home, away = company.lab.names.sites
    for host in company.lab.hosts_of(home.name):
        host.boot()
    running = find_running(company, home)
    status = company.ops2.drp("status")
    closed = [row["host"] for row in status["hosts"] if row["edge"] == "closed"]
    serves = {row["tenant"]: row["serves"] for row in status["tenants"]}
    good = sorted(closed) == sorted(home.hosts) and not running and set(serves.values()) == {away.name}
    mark = "✓" if good else "✗"
    print(f" {mark} {home.name:9} has power again; closed: {render_list(closed) or 'no host'}", flush=True)
    mine = sum(site == away.name for site in serves.values())
    print(f"{mark} {mine} of {len(serves)} tenants served by {away.name}", flush=True)
    return good
