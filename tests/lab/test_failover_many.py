"""A site with many tenants is lost: all of them taken over from a bundle, and three of them sick."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from drp.dataplane.manifest import MANIFEST
from tests.lab.company import Company, build_company
from tests.lab.configuration import Written
from tests.lab.conftest import TTL
from tests.lab.console import Operator
from tests.lab.disaster import (
    check_acknowledged_are_there,
    check_lost,
    check_one_holder,
    deploy_all,
    find_instances,
    find_restored_in_store,
    order_failover,
    point,
    prepare,
    read_items,
    writing,
)
from tests.lab.homeward import check_nothing_lost, find_sites, measured, move, writing_patiently
from tests.lab.lab import Lab
from tests.lab.watching import Watched

pytestmark = pytest.mark.certificate

TENANTS = 12
HOME_FIRST = 3
SICK_AND_WELL = 5
ACKNOWLEDGED_S = 2.0
"""How long clients write before the site is lost, and after another one serves."""
AT_ONCE = 4


@contextlib.contextmanager
def deployed(folder: Path, *, tenants: int, own: int | None = None) -> Iterator[Company]:
    """A laboratory with so many tenants at home; that with number ``own`` has an image of its own."""
    with Lab.up(tenants=tenants) as lab:
        names = [] if own is None else [lab.names.tenants[own]]
        company = build_company(lab, folder, ttl=TTL, own=names)
        began = time.monotonic()
        deploy_all(company, documents=40)
        print(f"{tenants} tenants deployed in {time.monotonic() - began:.0f} s")
        yield company


def pack_bundle(company: Company) -> Operator:
    """What a stranger in the third zone has: a bundle, the key that opens it, and drp."""
    folder, key = company.folder / "bundle", company.folder / "carried.key"
    began = time.monotonic()
    company.ops1.drp("bundle", "make", "--out", str(folder))
    print(f"bundle made in {time.monotonic() - began:.0f} s")
    key.write_bytes(company.written.key_file.read_bytes())
    key.chmod(0o600)
    written = Written(
        folder=folder / "config",
        key_file=key,
        ca_file=folder / "config" / "ca.pem",
        runbooks=folder / "runbooks",
    )
    return company.newcomer(company.lab.ops2, written)


@contextlib.contextmanager
def hidden(path: Path) -> Iterator[None]:
    """Nobody can read it meanwhile."""
    away = path.with_name(f"{path.name}.away")
    path.rename(away)
    try:
        yield
    finally:
        away.rename(path)


def cut_power(company: Company) -> None:
    """Of the home site, of the controller there and of the operator's machine, in the middle of a backup."""
    controller = Watched.begin(company.ops1, "serve", "--port", "0", log=company.folder / "serve.jsonl")
    at_work = Watched.begin(company.ops1, "backup", "--all", "--yes", log=company.folder / "b.jsonl")
    at_work.await_step("backup*", "begun")
    assert controller.process.poll() is None, controller.tail()
    machines = [*company.lab.hosts_of(company.lab.names.home.name), company.lab.ops1]
    with ThreadPoolExecutor(len(machines)) as pool:
        list(pool.map(lambda machine: machine.power_off(), machines))


def print_report(report: dict[str, Any]) -> None:
    print(f"whole: {report['elapsed_ms'] / 1000:.1f} s, stages {report['stages_ms']}")
    for row in sorted(report["tenants"], key=lambda row: float(row.get("rto_s") or 0)):
        print(f"  {row['tenant']:24} {row['status']:12} RTO {row.get('rto_s')} RPO {row.get('rpo_s')}")


def check_tenant(company: Company, tenant: str, seen: dict[str, Any]) -> str:
    """Lost are the acknowledged writes later than the restored backup and no others; said in words."""
    client, backup = seen["clients"][tenant], find_restored_in_store(company, seen["report"], tenant)
    said = check_lost(client, backup, seen["olds"][tenant][1])
    check_one_holder([client.records()])
    host, new = seen["news"][tenant]
    assert host in company.lab.names.away.hosts
    check_acknowledged_are_there(read_items(company, host, new), [client.records()], new)
    return said


def check_all(company: Company, seen: dict[str, Any]) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        said = pool.map(lambda tenant: (tenant, check_tenant(company, tenant, seen)), seen["clients"])
        for tenant, words in said:
            print(f"  {tenant:24} {words}")


def test_twelve_tenants_are_taken_over_from_a_bundle_alone_and_go_home_in_two_orders(
    tmp_path: Path,
) -> None:
    with deployed(tmp_path, tenants=TENANTS) as company:
        home, away = company.lab.names.sites
        olds = find_instances(company)
        assert {host for host, _ in olds.values()} == set(home.hosts), olds
        with writing(company, "many") as clients:
            prepare(company, away)
            stranger = pack_bundle(company)
            time.sleep(ACKNOWLEDGED_S)
            cut_power(company)
            with hidden(company.written.folder), hidden(company.written.key_file):
                stranger.drp("bundle", "verify", str(company.folder / "bundle"))
                with measured(f"{TENANTS} taken over"):
                    report = stranger.drp(*order_failover(home, away, TENANTS))
            print_report(report)
            time.sleep(ACKNOWLEDGED_S)
        assert {row["status"] for row in report["tenants"]} == {"done"}
        assert len(report["tenants"]) == TENANTS
        news = find_instances(company)
        check_all(company, {"clients": clients, "report": report, "olds": olds, "news": news})
        bring_home(company, stranger)


def bring_home(company: Company, operator: Operator) -> None:
    """The lost site has power again: three of the tenants go home while all clients write, then the rest."""
    home, away = company.lab.names.sites
    three = company.lab.names.tenants[:HOME_FIRST]
    for host in company.lab.hosts_of(home.name):
        host.boot()
        operator.drp("start", host.name)
    with writing_patiently(company, "home") as clients:
        time.sleep(ACKNOWLEDGED_S)
        move(operator, "--tenants", ",".join(three), "--to", home.name, tenants=HOME_FIRST)
        found = find_sites(operator)
        assert found == {name: (home if name in three else away).name for name in company.lab.names.tenants}
        move(operator, "--all", "--to", home.name, tenants=TENANTS - HOME_FIRST)
        time.sleep(ACKNOWLEDGED_S)
    assert set(find_sites(operator).values()) == {home.name}
    check_nothing_lost(clients)


# ---- three of them are sick


def flip_bit(company: Company, tenant: str) -> None:
    """In the middle of the biggest pack of its newest backup, where it lies; once more undoes it."""
    base = company.lab.store.disk / "data" / "backups" / "drp1" / tenant / "base"
    files = [file for file in max(base.iterdir()).rglob("*") if file.is_file() and file.name != MANIFEST]
    pack = max(files, key=lambda file: file.stat().st_size)
    content = bytearray(pack.read_bytes())
    content[len(content) // 2] ^= 1
    with pack.open("r+b") as file:
        file.write(content)


def find_own_image(company: Company, tenant: str) -> str:
    words = json.loads((company.written.folder / "tenants" / f"{tenant}.yml").read_text())
    return str(words["tenants"][tenant]["images"]["api"])


def save_and_remove(company: Company, image: str, file: Path) -> None:
    """From every host of the other site; the file keeps it."""
    for host in company.lab.hosts_of(company.lab.names.away.name):
        with contextlib.closing(host.open_client()) as engine:
            with file.open("wb") as out:
                out.writelines(engine.images.get(image).save())
            engine.images.remove(image, force=True)


def load_image(company: Company, file: Path) -> None:
    host = company.lab.hosts_of(company.lab.names.away.name)[0]
    with contextlib.closing(host.open_client()) as engine, file.open("rb") as image:
        engine.images.load(image)


def test_three_sick_tenants_are_set_aside_and_finished_alone(tmp_path: Path) -> None:
    with deployed(tmp_path, tenants=SICK_AND_WELL, own=3) as company:
        home, away = company.lab.names.sites
        olds = find_instances(company)
        bitten, renamed, first_well, imageless, last_well = company.lab.names.tenants
        well = [first_well, last_well]
        with writing(company, "sick") as clients:
            prepare(company, away)
            time.sleep(ACKNOWLEDGED_S)
            flip_bit(company, bitten)
            point(company, renamed, f"elsewhere.{company.lab.dns.zone}")
            save_and_remove(company, find_own_image(company, imageless), tmp_path / "own.tar")
            for host in company.lab.hosts_of(home.name):
                host.power_off()
            finished = company.ops2.try_drp(*order_failover(home, away, SICK_AND_WELL))
            print_report(finished.data)
            rows = {row["tenant"]: row for row in finished.data["tenants"]}
            for name in (bitten, renamed, imageless):
                print(f"  {name}: {rows[name].get('code')}: {rows[name].get('cause')}")
            assert finished.code == 9, finished.said
            assert {name for name, row in rows.items() if row["status"] == "quarantined"} == {
                bitten,
                renamed,
                imageless,
            }
            assert {rows[name]["status"] for name in well} == {"done"}
            assert renamed in rows[renamed]["cause"]
            assert find_own_image(company, imageless) in rows[imageless]["cause"]
            before = find_instances(company)
            flip_bit(company, bitten)
            point(company, renamed, f"{home.name}.{company.lab.dns.zone}")
            load_image(company, tmp_path / "own.tar")
            report = company.ops2.drp("retry", finished.data["run"], "--failed", "--yes")
            time.sleep(ACKNOWLEDGED_S)
        print_report(report)
        assert {row["status"] for row in report["tenants"]} == {"done"}
        news = find_instances(company)
        assert {name: news[name] for name in well} == {name: before[name] for name in well}
        check_all(company, {"clients": clients, "report": report, "olds": olds, "news": news})
