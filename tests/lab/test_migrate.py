"""A tenant moves between two sites of real engines while its client writes."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import docker
import pytest

from drp.model.names import Instance
from tests.lab.company import Company
from tests.lab.conftest import TTL
from tests.lab.inside import run_inside
from tests.lab.machine import LabError
from tests.lab.world import compare_worlds, dump_world, list_objects


@pytest.fixture(scope="module", autouse=True)
def two_tenants(company: Company) -> None:
    """Deployed and filled; the tests of this file move them on and on."""
    for tenant in company.lab.names.tenants[:2]:
        company.ensure_deployed(tenant)


def other_site(company: Company, tenant: str) -> tuple[str, str]:
    """(site that serves, the other one)."""
    host, _ = company.host_of(tenant)
    here = company.lab.hosts[host].site
    return here, next(site.name for site in company.lab.names.sites if site.name != here)


def move_back(company: Company, tenant: str) -> None:
    """Retire the old stack, so that the next test finds one stack and nothing else."""
    here, there = other_site(company, tenant)
    time.sleep(2 * TTL + 1)
    company.ops1.drp("retire", tenant, "--from", there, "--yes")
    assert other_site(company, tenant)[0] == here


def test_no_acknowledged_write_is_lost(company: Company) -> None:
    tenant = company.lab.names.tenants[0]
    here, there = other_site(company, tenant)
    old_host, old = company.host_of(tenant)
    client = company.client(tenant)
    token = client.log_in("alice")
    client.start_writing()
    try:
        time.sleep(0.5)
        result = company.ops1.drp("migrate", tenant, "--to", there, "--yes")
        for host in company.lab.hosts_of(here):
            answer = client.ask("GET", "/health", at=str(host.edge_address))
            assert (answer["status"], answer["instance"].startswith(company.host_of(tenant)[1])) == (
                200,
                True,
            )
        time.sleep(0.5)
    finally:
        client.stop_writing()
    verified = client.verify()
    assert verified.lost == []
    assert verified.refused == 0, verified.refusals
    assert len(verified.instances) == 2
    assert client.ask("GET", "/session", token=token)["status"] == 200
    assert result["content"]["documents"] > 400
    check_old_password_is_refused(company, tenant, old_host, old)


def check_old_password_is_refused(company: Company, tenant: str, old_host: str, old: str) -> None:
    """With the secret files of the old instance laid beside the new one, nothing opens."""
    new_host, new = company.host_of(tenant)
    stored = company.lab.hosts[old_host].run("cat", f"/run/drp/{old}/mongodb/mongodb-password").stdout
    script = (Path(__file__).parent / "login_script.py").name
    image = company.lab.images["api"].id
    said = run_inside(company.lab.hosts[new_host], new, image, script, stored)
    assert said.strip() == "own: accepted, other: refused"


def test_operators_have_no_way_to_a_database_and_only_edges_publish_ports(company: Company) -> None:
    tenant = company.lab.names.tenants[0]
    host, instance = company.host_of(tenant)
    machine = company.lab.hosts[host]
    with contextlib.closing(docker.DockerClient(base_url=machine.sock, version="auto")) as engine:
        link = engine.networks.get(f"{instance}-data").attrs
        addresses = [c["IPv4Address"].split("/")[0] for c in link["Containers"].values()]
        published = {c.name for c in engine.containers.list() if any(c.ports.values())}
    assert published == {"drp-edge"}
    assert addresses
    for address in addresses:
        with pytest.raises(LabError):
            company.lab.ops1.run("bash", "-c", f"exec 3<>/dev/tcp/{address}/27017", timeout=10)


def test_second_machine_is_told_who_moves_the_tenant(company: Company) -> None:
    tenant = company.lab.names.tenants[1]
    _, there = other_site(company, tenant)
    log = company.folder / "first.jsonl"
    first = company.ops1.begin("migrate", tenant, "--to", there, "--yes", log=log)
    wait_for(lambda: log.exists() and '"status":"begun"' in log.read_text().replace(" ", ""))
    second = company.ops2.try_drp("migrate", tenant, "--to", there, "--yes")
    assert second.code == 5, second.said
    assert f"tester@{company.ops1.machine.name}" in second.said
    assert "migrate-" in second.said
    assert first.wait(timeout=200) == 0, log.read_text()[-3000:]
    move_back(company, tenant)


def wait_for(condition: object, seconds: float = 60) -> None:
    """Poll until it holds. Raises AssertionError."""
    assert callable(condition)
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "waited in vain"
        time.sleep(0.05)


KILLS = ("volume/*", "restore", "stop-api", "route/*", "switch/*")


def find_patterns(point: str) -> list[str]:
    return [f"{point}:{step}" for step in KILLS]


@pytest.fixture(scope="module")
def undisturbed(company: Company) -> dict[str, dict[str, object]]:
    """The world after a quiet move, by the site that serves."""
    tenant = company.lab.names.tenants[1]
    found: dict[str, dict[str, object]] = {}
    for _ in range(2):
        _, there = other_site(company, tenant)
        known = list_objects(company.lab)
        company.ops1.drp("migrate", tenant, "--to", there, "--yes")
        move_back(company, tenant)
        found[there] = dump_world(company.lab, known)
    return found


@pytest.mark.parametrize("point", ["before", "after-effect"])
def test_move_killed_at_five_places_ends_in_the_same_world(
    company: Company, undisturbed: dict[str, dict[str, object]], point: str
) -> None:
    tenant = company.lab.names.tenants[1]
    _, there = other_site(company, tenant)
    known = list_objects(company.lab)
    first, *others = find_patterns(point)
    killed = company.ops1.try_drp("migrate", tenant, "--to", there, "--yes", env={"DRP_FAULT": first})
    assert killed.code in (-9, 137), killed.said
    for pattern in others:
        killed = company.ops1.try_drp("resume", tenant, "--yes", env={"DRP_FAULT": pattern})
        assert killed.code in (-9, 137), (pattern, killed.said)
    company.ops1.drp("resume", tenant, "--yes")
    assert other_site(company, tenant)[0] == there
    move_back(company, tenant)
    assert compare_worlds(undisturbed[there], dump_world(company.lab, known)) == []


DAMAGES = {
    "document": "documents",
    "index": "index",
    "account": "user",
}


@pytest.mark.parametrize("what", sorted(DAMAGES))
def test_damage_at_the_target_is_found_and_taken_back(company: Company, what: str) -> None:
    tenant = company.lab.names.tenants[1]
    here, there = other_site(company, tenant)
    before = dump_world(company.lab)
    killed = company.ops1.try_drp(
        "migrate", tenant, "--to", there, "--yes", env={"DRP_FAULT": "before:read-target"}
    )
    assert killed.code in (-9, 137), killed.said
    host, instance = find_new_instance(company, tenant, there)
    run_inside(company.lab.hosts[host], instance, company.lab.images["api"].id, "damage_script.py", what)
    finished = company.ops1.try_drp("resume", tenant, "--yes")
    assert finished.code == 6, finished.said
    assert DAMAGES[what] in finished.said
    assert other_site(company, tenant)[0] == here
    assert company.client(tenant).ask("GET", "/health")["status"] == 200
    assert compare_worlds(before, dump_world(company.lab)) == []


def find_new_instance(company: Company, tenant: str, site: str) -> tuple[str, str]:
    """(host, instance) of the tenant's newest stack at a site."""
    found = []
    label: dict[str, str | list[str] | bool] = {"label": f"drp.tenant={tenant}"}
    for machine in company.lab.hosts_of(site):
        with contextlib.closing(docker.DockerClient(base_url=machine.sock, version="auto")) as engine:
            names = {
                c.labels.get("drp.instance", "") for c in engine.containers.list(all=True, filters=label)
            }
            found += [(Instance.parse(name).epoch or 0, machine.name) for name in names if name]
    epoch, host = max(found)
    return host, str(Instance.of_epoch(tenant, epoch))
