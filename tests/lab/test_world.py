"""The picture of the world notices one planted difference of each kind."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import dns.name
import dns.query
import dns.tsigkeyring
import dns.update
import docker

from tests.lab.company import Company
from tests.lab.host import HostMachine
from tests.lab.inside import run_inside
from tests.lab.world import build_client, compare_worlds, dump_world

Undo = Callable[[], object]
Plant = Callable[[Company, HostMachine, str], Undo]


def engine_of(host: HostMachine) -> docker.DockerClient:
    return docker.DockerClient(base_url=host.sock, version="auto", timeout=60)


def plant_network(company: Company, host: HostMachine, instance: str) -> Undo:
    return engine_of(host).networks.create("stray").remove


def plant_volume(company: Company, host: HostMachine, instance: str) -> Undo:
    return engine_of(host).volumes.create("stray").remove


def plant_container(company: Company, host: HostMachine, instance: str) -> Undo:
    return engine_of(host).containers.create(company.lab.images["redis"].id, name="stray").remove


def plant_secret_file(company: Company, host: HostMachine, instance: str) -> Undo:
    host.run("touch", f"/run/drp/{instance}/stray")
    return lambda: host.run("rm", f"/run/drp/{instance}/stray")


def plant_record(company: Company, host: HostMachine, instance: str) -> Undo:
    def change(adds: bool) -> None:
        key = company.lab.dns.tsig
        keyring = dns.tsigkeyring.from_text({key.name: (key.algorithm, key.secret)})
        update = dns.update.Update(
            company.lab.dns.zone, keyring=keyring, keyname=dns.name.from_text(key.name)
        )
        update.add("stray", 60, "A", "192.0.2.99") if adds else update.delete("stray")
        with company.lab.ops1.net():
            dns.query.tcp(update, str(company.lab.dns.primary), timeout=5)

    change(True)
    return lambda: change(False)


def put_object(company: Company, bucket: str, key: str, body: bytes) -> Undo:
    with company.lab.ops1.net():
        build_client(company.lab, bucket).put_object(Bucket=bucket, Key=key, Body=body)

    def undo() -> None:
        with company.lab.ops1.net():
            build_client(company.lab, bucket).delete_object(Bucket=bucket, Key=key)

    return undo


def plant_object(company: Company, host: HostMachine, instance: str) -> Undo:
    return put_object(company, "backups", "drp1/stray", b"stray")


def plant_epoch(company: Company, host: HostMachine, instance: str) -> Undo:
    record = b'{"site": "nowhere", "host": "nobody"}'
    return put_object(company, "witness", "epochs/stray/000001/serving.json", record)


def plant_route(company: Company, host: HostMachine, instance: str) -> Undo:
    maps = "/var/lib/docker/volumes/drp-edge/_data/routes.map"
    before = host.run("cat", maps).stdout
    host.run("sh", "-c", f"echo 'stray.example closed' >> {maps}")
    return lambda: host.run("tee", maps, input=before)


def plant_stop(company: Company, host: HostMachine, instance: str) -> Undo:
    api = engine_of(host).containers.get(f"{instance}-api")
    api.stop(timeout=5)
    return api.start


def plant_document(company: Company, host: HostMachine, instance: str) -> Undo:
    image = company.lab.images["api"].id
    run_inside(host, instance, image, "damage_script.py", "document")
    return lambda: None


PLANTS: dict[str, Plant] = {
    "networks": plant_network,
    "volumes": plant_volume,
    "containers": plant_container,
    "tmpfs": plant_secret_file,
    "zone": plant_record,
    "buckets": plant_object,
    "serving": plant_epoch,
    "maps": plant_route,
    "status": plant_stop,
    "content": plant_document,
}


def test_one_difference_of_each_kind_is_noticed(company: Company) -> None:
    tenant = company.lab.names.tenants[2]
    company.ensure_deployed(tenant)
    host_name, instance = company.host_of(tenant)
    host = company.lab.hosts[host_name]
    before = dump_world(company.lab, hosts=[host_name])
    assert compare_worlds(before, dump_world(company.lab, hosts=[host_name])) == []
    for kind, plant in PLANTS.items():
        with contextlib.ExitStack() as stack:
            stack.callback(plant(company, host, instance))
            found = compare_worlds(before, dump_world(company.lab, hosts=[host_name]))
        assert any(f"/{kind}" in line for line in found), (kind, found)
