"""A tenant moves between two sites of real engines while its client writes."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import docker
import pytest

from drp.model.names import Instance
from tests.lab.company import Company
from tests.lab.crashes import (
    Trial,
    Undisturbed,
    go_on,
    kill_along,
    kill_at_question,
    kill_beside_helper,
    move_in_peace,
    stay,
)
from tests.lab.inside import run_inside
from tests.lab.machine import LabError
from tests.lab.world import dump_bucket


@pytest.fixture(scope="module", autouse=True)
def two_tenants(company: Company) -> None:
    """Deployed and filled; the tests of this file move them on and on."""
    for tenant in company.lab.names.tenants[:2]:
        company.ensure_deployed(tenant)


def test_no_acknowledged_write_is_lost(company: Company) -> None:
    tenant = company.lab.names.tenants[0]
    here, there = company.other_site(tenant)
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
    new = company.host_of(tenant)[1]
    assert {f"{old}-api", f"{new}-api"} <= set(verified.instances)
    assert client.ask("GET", "/session", token=token)["status"] == 200
    assert result["content"]["documents"] > 400
    check_old_password_is_refused(company, tenant, old_host, old)


def check_old_password_is_refused(company: Company, tenant: str, old_host: str, old: str) -> None:
    """With the secret files of the old instance laid beside the new one, nothing opens."""
    new_host, new = company.host_of(tenant)
    stored = company.lab.hosts[old_host].run("cat", f"/run/drp/{old}/mongodb/mongodb-password").stdout
    script = (Path(__file__).parent / "login_script.py").name
    image = company.lab.images["api"].id
    said = run_inside(company.lab.hosts[new_host], new, image, script, stored[::-1])
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


@pytest.fixture(scope="module")
def undisturbed(company: Company) -> Undisturbed:
    return move_in_peace(company, company.lab.names.tenants[1])


def test_second_machine_is_told_who_moves_the_tenant(company: Company, undisturbed: Undisturbed) -> None:
    refused = undisturbed.refused
    assert refused.code == 5, refused.said
    assert f"tester@{company.ops1.machine.name}" in refused.said
    assert "migrate-" in refused.said


TAKEN_OVER = ("after-effect:route/*", "after-end:switch/*")


def test_move_killed_at_five_places_ends_in_the_same_world(
    company: Company, undisturbed: Undisturbed
) -> None:
    tenant = company.lab.names.tenants[1]
    trial, resume = Trial(company, tenant), ("resume", tenant)
    kill_along(["before:volume/*"], stay(company.ops1), first=trial.order, then=resume)
    kill_beside_helper(company.ops1, "backup", *resume)
    # the lease of a dead process is free at once where it is seen to be dead, elsewhere after its term
    kill_along(["after-effect:stop-api"], stay(company.ops1), first=resume, then=resume)
    newcomer = company.newcomer(company.lab.ops2)
    go_on(newcomer, *resume, code=5)
    kill_along(TAKEN_OVER, stay(newcomer), first=("takeover", tenant), then=resume)
    go_on(newcomer, *resume)
    trial.check_moved(undisturbed)


def test_killed_at_its_question_leaves_nothing(company: Company) -> None:
    tenant = company.lab.names.tenants[1]
    newcomer = company.newcomer(company.lab.ops2)
    before = dump_bucket(company.lab, "witness")
    kill_at_question(newcomer, "migrate", tenant, "--to", company.other_site(tenant)[1])
    assert list(newcomer.state.iterdir()) == []
    assert dump_bucket(company.lab, "witness") == before


DAMAGES = {"document": "documents", "index": "index", "account": "user"}
BACKWARD = ("undo-before:final-restore", "undo-after-start:restore", "undo-after-effect:volume/*")


def test_damage_at_the_target_is_found_and_taken_back_whoever_is_killed(company: Company) -> None:
    tenant = company.lab.names.tenants[1]
    trial, resume = Trial(company, tenant), ("resume", tenant)
    kill_along(["before:read-target"], stay(company.ops1), first=trial.order, then=resume)
    host, instance = find_new_instance(company, tenant, trial.there)
    for what in DAMAGES:
        image = company.lab.images["api"].id
        run_inside(company.lab.hosts[host], instance, image, "damage_script.py", what)
    kill_along(BACKWARD, stay(company.ops1), first=resume, then=resume)
    finished = go_on(company.ops1, *resume, code=6)
    assert [word for word in DAMAGES.values() if word not in finished.said] == []
    trial.check_as_before()


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
