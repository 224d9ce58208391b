"""Drills beside tenants that serve: clients notice nothing, nothing of production answers, nothing stays."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator

import docker
import pytest

from drp.model.names import Instance
from tests.lab import plan
from tests.lab.bubbles import find_bubbles, find_pack, flipped, picture
from tests.lab.clients import Client
from tests.lab.company import Company
from tests.lab.images.python import VERSION
from tests.lab.reach import find_open
from tests.lab.world import compare_worlds

CONNECT = """
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor
def ask(place):
    try:
        socket.create_connection((place[0], place[1]), timeout=1.5).close()
    except ConnectionRefusedError:
        return "refused"
    except OSError:
        return "closed"
    return "open"
places = json.loads(sys.argv[1])
with ThreadPoolExecutor(len(places)) as pool:
    print(json.dumps(list(pool.map(ask, places))))
"""


@pytest.fixture(scope="module", autouse=True)
def backed_up(company: Company) -> None:
    """Two tenants serve and have a backup."""
    pair = company.lab.names.tenants[:2]
    for tenant in pair:
        company.ensure_deployed(tenant)
    company.ops1.drp("backup", "--tenants", ",".join(pair), "--yes")


@contextlib.contextmanager
def writing(company: Company, tenants: list[str]) -> Iterator[list[Client]]:
    clients = [company.client(tenant, suffix="-drill") for tenant in tenants]
    for client in clients:
        client.start_writing(prefix="d")
    try:
        time.sleep(0.5)
        yield clients
    finally:
        for client in clients:
            client.stop_writing()


@pytest.mark.failure_mode("D2")
def test_clients_notice_nothing_and_a_flipped_bit_is_found(company: Company) -> None:
    sick, well = company.lab.names.tenants[:2]
    before = picture(company)
    with writing(company, [sick, well]) as clients, flipped(find_pack(company, sick)):
        drilled = company.ops1.try_drp("drill", "run", "--tenants", f"{sick},{well}")
    assert compare_worlds(before, picture(company)) == []
    for client in clients:
        verified = client.verify()
        assert (verified.lost, verified.refused) == ([], 0), verified.refusals
    assert drilled.code == 11, drilled.said
    rows = {row["tenant"]: row for row in drilled.data["tenants"]}
    print(drilled.data["elapsed_ms"], drilled.data["stages_ms"], rows)
    assert {name: row["status"] for name, row in rows.items()} == {sick: "quarantined", well: "done"}
    assert "its SHA-256 is not the one in the manifest" in rows[sick]["cause"]
    proven = rows[well]
    assert proven["documents"] >= 400
    assert proven["redis_keys"] >= 1
    assert (proven["logins"], proven["requests"]) == (2, 9)
    assert proven["restored_s"] <= proven["rto_s"]


@pytest.mark.failure_mode("I7", "J6")
def test_from_a_bubble_nothing_of_production_answers_and_a_resume_removes_it(company: Company) -> None:
    """It stands beside what it is a copy of, on the same host."""
    tenant = company.lab.names.tenants[1]
    here, _ = company.other_site(tenant)
    before = picture(company)
    words = ["drill", "run", "--tenants", tenant, "--site", here]
    killed = company.ops1.try_drp(*words, env={"DRP_FAULT": f"after-effect:transact/{tenant}"})
    assert killed.was_killed, killed.said
    ((host, bubble),) = find_bubbles(company.lab)
    serving_host, serving = company.host_of(tenant)
    assert host == serving_host
    own = [("mongodb", 27017), ("redis", 6379)]
    theirs = list_production(company, serving_host, serving)
    found = ask_inside(company, host, f"{bubble}-api", [*own, *theirs])
    assert found[: len(own)] == ["open"] * len(own)
    assert dict(zip(theirs, found[len(own) :], strict=True)) == dict.fromkeys(theirs, "closed")
    # the same places are there for those who may
    edges = [(machine.edge_address, 443) for machine in company.lab.hosts.values()]
    assert find_open(company.lab.client, edges) == {*edges}
    store = (plan.STORE, plan.STORE_PORT)
    assert find_open(company.lab.ops1, [store]) == {store}
    tail = bubble[-4:]
    report = company.ops1.drp("resume", tail, "--yes")
    assert report["tenants"][0]["status"] == "done"
    assert compare_worlds(before, picture(company)) == []


def list_production(company: Company, host: str, instance: str) -> list[tuple[str, int]]:
    """API, databases, edges, engines and mail of all hosts, store and name servers."""
    lab, parsed = company.lab, Instance.parse(instance)
    with contextlib.closing(docker.DockerClient(base_url=lab.hosts[host].sock, version="auto")) as engine:
        places = []
        for role, port in (("api", 8080), ("mongodb", 27017), ("redis", 6379)):
            links = engine.containers.get(parsed.container(role)).attrs["NetworkSettings"]["Networks"]  # type: ignore[arg-type]
            places += [(link["IPAddress"], port) for link in links.values()]
    for machine in lab.hosts.values():
        public = str(machine.edge_address)
        places += [(public, port) for port in (22, 25, 80, 443, plan.ENGINE_PORT)]
        places.append((str(machine.addresses.management), plan.ENGINE_PORT))
    places += [(str(plan.STORE), plan.STORE_PORT), (str(plan.STORE), 25), (str(plan.RESOLVER), 53)]
    return [*places, (str(lab.dns.primary), 53), (str(lab.dns.secondary), 53)]


def ask_inside(company: Company, host: str, container: str, places: list[tuple[str, int]]) -> list[str]:
    """What a program finds that runs in the container: open, refused or closed."""
    machine = company.lab.hosts[host]
    with contextlib.closing(docker.DockerClient(base_url=machine.sock, version="auto", timeout=60)) as engine:
        program = [f"/usr/bin/{VERSION}", "-c", CONNECT, json.dumps(places)]
        code, output = engine.containers.get(container).exec_run(program)
    assert isinstance(output, bytes)
    assert code == 0, output
    found: list[str] = json.loads(output)
    return found
