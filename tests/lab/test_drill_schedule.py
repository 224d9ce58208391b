"""The controller drills by its schedule beside tenants that serve, and is killed while it does."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest

from drp.engine.faults import VARIABLE
from tests.lab.bubbles import find_bubbles, find_pack, flipped, other_key, picture
from tests.lab.company import Company, build_company
from tests.lab.conftest import TTL
from tests.lab.crashes import tell
from tests.lab.disaster import deploy_all, find_instances, order_failover, writing
from tests.lab.inside import run_inside
from tests.lab.lab import Lab
from tests.lab.watching import Watched
from tests.lab.world import compare_worlds, dump_bucket

pytestmark = pytest.mark.certificate

TENANTS = 4
SETTLED_S = 20.0
"""In which a controller has done once all that it does at first."""
KILLED_AT = (
    "after-start:volume*",
    "after-effect:create*",
    "after-effect:deliver*",
    "after-start:restore*",
    "before:start-api*",
    "after-effect:transact*",
    "after-effect:container*",
    "after-end:volume-gone*",
)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """Four tenants serve and have a backup."""
    with Lab.up(tenants=TENANTS) as lab:
        made = build_company(lab, tmp_path_factory.mktemp("scheduled"), ttl=TTL)
        deploy_all(made, documents=40)
        made.ops1.drp("backup", "--all", "--yes")
        made.ops1.drp("reserve", "--all", "--to", lab.names.away.name, "--yes")
        yield made


@contextlib.contextmanager
def controlled(company: Company, *, env: Mapping[str, str] | None = None) -> Iterator[Watched]:
    """A controller runs on the first operator's machine."""
    log = company.folder / "controller.jsonl"
    log.unlink(missing_ok=True)
    controller = Watched(company.ops1.begin("serve", "--port", "0", log=log, env=env), log)
    try:
        yield controller
    finally:
        if controller.process.poll() is None:
            tell(controller.process, signal.SIGTERM)
        controller.process.wait(timeout=120)


def schedule(company: Company, name: str) -> None:
    """For the next minute that is not about to begin."""
    moment = datetime.now(UTC) + timedelta(seconds=75)
    cron = f"{moment.minute} {moment.hour} * * *"
    words = ["--cron", cron, "--zone", "UTC", "--in-hours", "--yes"]
    company.ops2.drp("drill", "schedule", "add", name, *words)


def find_drills(company: Company) -> dict[str, str]:
    """Run -> how it ended, "" for one that is open, of all drills that the witness knows."""
    keys = [key for key in dump_bucket(company.lab, "witness") if re.search(r"/drill-\d{6}-\w+/", f"/{key}")]
    runs = {found.group() for key in keys if (found := re.search(r"drill-\d{6}-\w{4}", key))}
    opened = {row["run"] for row in company.ops2.drp("status")["runs"]}
    return {run: "" if run in opened else "ended" for run in runs}


def await_drill(company: Company, known: set[str], *, ended: bool, seconds: float = 300) -> str:
    """The one drill that is not among the known, once it is there (or has ended)."""
    until = time.monotonic() + seconds
    while True:
        new = {run: how for run, how in find_drills(company).items() if run not in known}
        assert len(new) <= 1, f"two drills: {new}"
        if new and (not ended or all(new.values())):
            return next(iter(new))
        assert time.monotonic() < until, f"waited in vain for the end of a drill: {new}"
        time.sleep(1)


def test_four_tenants_are_drilled_by_the_schedule_while_they_serve(company: Company) -> None:
    known = {*find_drills(company)}
    with writing(company, "scheduled") as clients, controlled(company):
        time.sleep(SETTLED_S)
        before, served = picture(company), find_instances(company)
        schedule(company, "by-day")
        run = await_drill(company, known, ended=True)
        after = picture(company)
        assert find_instances(company) == served
        time.sleep(1)
    assert compare_worlds(before, after) == []
    for client in clients.values():
        verified = client.verify()
        print(f"{client.name}: {verified.acknowledged} acknowledged, {verified.refused} refused")
        assert (verified.lost, verified.refused) == ([], 0), verified.refusals
    file = company.folder / "drill.html"
    report = company.ops2.drp("report", run, "--html", str(file))
    print(json.dumps(report)[:2000])
    assert report["status"] == "done"
    assert {row["tenant"] for row in report["tenants"]} == set(company.lab.names.tenants)
    assert run in file.read_text()
    assert find_bubbles(company.lab) == set()


def test_a_controller_killed_eight_times_finishes_one_drill(company: Company) -> None:
    known = {*find_drills(company)}
    before = picture(company)
    schedule(company, "by-night")
    for point in KILLED_AT:
        with controlled(company, env={VARIABLE: point}) as controller:
            began = time.monotonic()
            code = controller.process.wait(timeout=400)
            print(f"{point}: exit {code} after {time.monotonic() - began:.0f} s")
            assert code in (-9, 137), controller.tail()
        instances = [instance for _, instance in find_bubbles(company.lab)]
        assert len(instances) <= TENANTS, instances
        assert len({find_tail(instance) for instance in instances}) <= 1, instances
    with controlled(company):
        run = await_drill(company, known, ended=True)
    assert find_bubbles(company.lab) == set()
    assert compare_worlds(before, picture(company)) == []
    report = company.ops2.drp("report", run)
    print(run, report["status"], report["tenants"])


def test_a_flipped_bit_an_old_key_and_an_altered_copy_are_each_named(company: Company) -> None:
    """The other tenant is proven all the same, and readiness is red for the three."""
    bitten, locked, altered, well = company.lab.names.tenants
    before = picture(company)
    with flipped(find_pack(company, bitten)), other_key(company.written, locked):
        point = f"after-effect:accounts/{altered}"
        killed = company.ops1.try_drp("drill", "run", "--all", env={VARIABLE: point})
        assert killed.was_killed, killed.said
        ((host, bubble),) = (
            found for found in find_bubbles(company.lab) if found[1].startswith(f"{altered}-d")
        )
        image = company.lab.images["api"].id
        run_inside(company.lab.hosts[host], bubble, image, "damage_script.py", "document")
        finished = company.ops1.try_drp("resume", find_tail(bubble), "--yes")
        ready = company.ops1.try_drp("readiness")
    rows = {row["tenant"]: row for row in finished.data["tenants"]}
    for name in (bitten, locked, altered):
        print(f"{name}: {rows[name]['status']}: {rows[name].get('cause')}")
    assert finished.code == 11, finished.said
    sick = dict.fromkeys((bitten, locked, altered), "quarantined")
    assert {name: row["status"] for name, row in rows.items()} == {**sick, well: "done"}
    assert "its SHA-256 is not the one in the manifest" in rows[bitten]["cause"]
    assert "cannot open key block" in rows[locked]["cause"]
    assert "app.orders" in rows[altered]["cause"]
    assert ready.code == 11
    red = {
        row["tenant"]: [each["reason"] for each in row["causes"] if each["is_red"]]
        for row in ready.data["tenants"]
    }
    print(f"readiness: {red}")
    assert all(red[name] for name in sick)
    assert not red[well]
    assert compare_worlds(before, picture(company)) == []


def test_a_failover_ends_a_drill_before_anybody_is_placed(company: Company) -> None:
    """The last one: the home site stays without power."""
    home, away = company.lab.names.sites
    drill = Watched.begin(company.ops1, "drill", "run", "--all", log=company.folder / "drilled.jsonl")
    drill.await_step("restore*", "begun")
    assert find_bubbles(company.lab, site=away.name)
    for host in company.lab.hosts_of(home.name):
        host.power_off()
    words = order_failover(home, away, TENANTS)
    failover = Watched.begin(company.ops2, *words, log=company.folder / "failover.jsonl")
    failover.await_step("network*", "begun")
    left = find_bubbles(company.lab, site=away.name)
    finished = failover.finish()
    assert left == set()
    assert finished.code == 0, finished.said
    print(f"the drill ended with {drill.process.wait(timeout=120)}")
    assert {row["serves"] for row in company.ops2.drp("status")["tenants"]} == {away.name}
    assert find_bubbles(company.lab, site=away.name) == set()


def find_tail(instance: str) -> str:
    """What all bubbles of one run end with."""
    return instance[-4:]
