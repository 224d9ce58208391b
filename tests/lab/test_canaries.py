"""No secret is anywhere but where it lives (SEC-8), and the search would find one in each of these places.

These tests come last: they look at what all others have left. Where a secret may be: in the host's tmpfs
(in memory), in the sealed file (as ciphertext), in the operator's key file, and with the servers that take
it as proof and know no other way: the store's accounts, the name servers' keys, and the process in which
FerretDB makes its first user.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.lab.canaries import Canary, Search, find_canaries
from tests.lab.company import Company
from tests.lab.crashes import kill_along, stay
from tests.lab.host import HostMachine
from tests.lab.images.python import VERSION
from tests.lab.processes import ProcessWatch
from tests.lab.state import CHECKOUT
from tests.lab.test_world import put_object
from tests.lab.world import build_client, dump_bucket

_SERVERS = ("--exclude=named.conf", "--exclude=users.json")
_OWN_KEY = "--exclude=operator.key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The company, the search for its secrets, and a folder for what is gathered."""

    company: Company
    processes: ProcessWatch
    search: Search
    folder: Path
    canary: Canary


@pytest.fixture(scope="module")
def scene(company: Company, processes: ProcessWatch, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """After a deployment, a move, a way back and a retirement: what nobody has done before is done now."""
    live(company)
    canaries = find_canaries(company)
    folder = tmp_path_factory.mktemp("gathered")
    return Scene(
        company=company,
        processes=processes,
        search=Search(canaries),
        folder=folder,
        canary=next(canary for canary in canaries if canary.name.endswith(".token")),
    )


def live(company: Company) -> None:
    tenant = company.lab.names.tenants[0]
    ended = list_ended(company)
    company.ensure_deployed(tenant)
    if "rolled-back" not in ended:
        _, there = company.other_site(tenant)
        migrate = ("migrate", tenant, "--to", there)
        kill_along(["before:route/*"], stay(company.ops1), first=migrate, then=())
        company.ops1.drp("rollback", tenant, "--yes")
    if "migrate done" not in ended:
        _, there = company.other_site(tenant)
        company.ops1.drp("migrate", tenant, "--to", there, "--yes")
    if "retire done" not in ended:
        company.retire_old(tenant)
    _, there = company.other_site(tenant)
    company.ops1.drp("plan", "migrate", tenant, "--to", there, "--out", str(company.folder / "saved.plan"))


def list_ended(company: Company) -> set[str]:
    """``VERB STATUS``, and ``rolled-back``, of all runs that the witness knows to have ended."""
    found = set()
    for key in dump_bucket(company.lab, "witness"):
        if key.startswith("runs/") and key.endswith(".end.json"):
            with company.lab.ops1.net():
                body = build_client(company.lab, "witness").get_object(Bucket="witness", Key=key)["Body"]
                status = json.loads(body.read())["status"]
            verb = key.rpartition("/")[2].partition("-")[0]
            found |= {f"{verb} {status}", status}
    return found


# ---- places


def look_at_engines(scene: Scene) -> list[str]:
    """``inspect`` of everything, and the output of every container."""
    for name, host in scene.company.lab.hosts.items():
        with contextlib.closing(host.open_client()) as engine, (scene.folder / name).open("wb") as out:
            for thing in iter_things(engine):
                out.write(thing)
    return scene.search.look([scene.folder / name for name in scene.company.lab.hosts])


def iter_things(engine: docker.DockerClient) -> Iterator[bytes]:
    for container in engine.containers.list(all=True):
        yield json.dumps(container.attrs).encode()
        if container.attrs["HostConfig"]["LogConfig"]["Type"] != "none":
            yield container.logs()
    for image in engine.images.list(all=True):
        yield json.dumps([image.attrs, image.history()]).encode()
    yield from (json.dumps(engine.api.inspect_network(str(n.id))).encode() for n in engine.networks.list())
    yield from (json.dumps(volume.attrs).encode() for volume in engine.volumes.list())


def look_at_disks(scene: Scene, *disks: Path) -> list[str]:
    """Every byte of all disks (or of these): engines' data roots, zone journals, the store's objects."""
    return scene.search.look(disks or [scene.company.lab.state.root], *_SERVERS)


def look_at_processes(scene: Scene) -> list[str]:
    """Command line and environment of all processes that were seen since the lab was started."""
    scene.processes.look()
    assert scene.processes.save(scene.folder / "processes") > 100
    return scene.search.look([scene.folder / "processes"])


def look_at_operators(scene: Scene) -> list[str]:
    """Journals, logs, saved plans, the configuration, and all that drp has said."""
    return scene.search.look([scene.company.folder], _OWN_KEY)


def look_at_repository(scene: Scene) -> list[str]:
    return scene.search.look([CHECKOUT], "--exclude-dir=.[a-z]*")


def look_at_objects(scene: Scene) -> list[str]:
    """What the store hands out: witness, backups, keys."""
    found = []
    for bucket in scene.company.lab.s3.buckets:
        path = scene.folder / f"bucket-{bucket}"
        with scene.company.lab.ops1.net(), path.open("wb") as out:
            client = build_client(scene.company.lab, bucket)
            for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
                for item in page.get("Contents", []):
                    answer = client.get_object(Bucket=bucket, Key=item["Key"])
                    out.write(f"{item['Key']} {answer['Metadata']}\n".encode() + answer["Body"].read())
        found += scene.search.look([path])
    return found


Look = Callable[[Scene], list[str]]
LOOKS: tuple[Look, ...] = (
    look_at_engines,
    look_at_disks,
    look_at_processes,
    look_at_operators,
    look_at_repository,
    look_at_objects,
)


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.__name__.removeprefix("look_at_"))
def test_no_secret_is_there(scene: Scene, look: Look) -> None:
    assert look(scene) == []


# ---- plants: one secret, in one form, in one place

Plant = Callable[[Scene], AbstractContextManager[object]]


@contextmanager
def plant_variable(scene: Scene) -> Iterator[None]:
    with engine_of(scene) as engine:
        stray = engine.containers.create(image_of(scene), environment={"PASSWORD": text_of(scene, "hex")})
        with removed(stray):
            yield


@contextmanager
def plant_network(scene: Scene) -> Iterator[None]:
    with engine_of(scene) as engine:
        stray = engine.networks.create("stray", labels={"password": text_of(scene, "HEX")})
        with contextlib.ExitStack() as stack:
            stack.callback(stray.remove)
            yield


@contextmanager
def plant_volume(scene: Scene) -> Iterator[None]:
    with engine_of(scene) as engine:
        stray = engine.volumes.create("stray", labels={"password": text_of(scene, "url")})
        with removed(stray):
            yield


@contextmanager
def plant_image(scene: Scene) -> Iterator[None]:
    with engine_of(scene) as engine, removed(engine.containers.create(image_of(scene))) as container:
        made = container.commit("stray", changes=f"LABEL password={text_of(scene, 'base64url 0')}")
        with contextlib.ExitStack() as stack:
            stack.callback(engine.images.remove, made.id, force=True)
            yield


@contextmanager
def plant_output(scene: Scene) -> Iterator[None]:
    """Said backwards in the command line, so that only the output tells it."""
    backwards = text_of(scene, "base64 1")[::-1]
    with engine_of(scene) as engine:
        words = ["-c", f"print('{backwards}'[::-1])"]
        stray = engine.containers.create(image_of(scene), words, entrypoint=[f"/usr/bin/{VERSION}"])
        with removed(stray):
            stray.start()
            stray.wait(timeout=60)
            yield


@contextmanager
def plant_argument(scene: Scene) -> Iterator[None]:
    words = ["-c", "import time; time.sleep(600)", text_of(scene, "base64 2")]
    with engine_of(scene) as engine:
        stray = engine.containers.create(image_of(scene), words, entrypoint=[f"/usr/bin/{VERSION}"])
        with removed(stray):
            stray.start()
            yield


@contextmanager
def plant_process_variable(scene: Scene) -> Iterator[None]:
    variable = {"PASSWORD": text_of(scene, "url of base64 0")}
    process = scene.company.lab.client.popen("sleep", "600", env=variable)
    try:
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def plant_what_drp_says(scene: Scene) -> Iterator[None]:
    said = scene.company.ops1.said
    before = said.stat().st_size
    scene.company.ops1.try_drp("status", text_of(scene, "base64url 1"))
    try:
        yield
    finally:
        os.truncate(said, before)


@contextmanager
def plant_object(scene: Scene, bucket: str, form: str) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        body = b"before " + scene.canary.forms()[form] + b" after"
        stack.callback(put_object(scene.company, bucket, "stray/object", body))
        yield


@contextmanager
def plant_file(scene: Scene, path: Path, form: str) -> Iterator[None]:
    """As a file of its own, or at the end of one."""
    before = path.read_bytes() if path.exists() else None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((before or b"") + b"before " + scene.canary.forms()[form] + b" after")
    try:
        yield
    finally:
        path.unlink() if before is None else path.write_bytes(before)


PLANTS: dict[str, tuple[Look, Plant]] = {
    "variable of a container": (look_at_engines, plant_variable),
    "label of a network": (look_at_engines, plant_network),
    "label of a volume": (look_at_engines, plant_volume),
    "label of an image": (look_at_engines, plant_image),
    "output of a container": (look_at_engines, plant_output),
    "argument of a container": (look_at_processes, plant_argument),
    "variable of a process": (look_at_processes, plant_process_variable),
    "file in a volume": (
        lambda scene: look_at_disks(scene, host_of(scene).disk),
        lambda scene: plant_file(scene, host_of(scene).disk / "docker/volumes/drp-edge/_data/stray", "raw"),
    ),
    "journal of the zone": (
        lambda scene: look_at_disks(scene, scene.company.lab.primary.disk),
        lambda scene: plant_file(scene, scene.company.lab.primary.disk / "named/zone.db.jnl", "raw"),
    ),
    "journal of a run": (
        look_at_operators,
        lambda scene: plant_file(scene, scene.company.ops1.state / "runs/stray.journal", "json"),
    ),
    "saved plan": (
        look_at_operators,
        lambda scene: plant_file(scene, scene.company.folder / "saved.plan", "base64 0"),
    ),
    "configuration": (
        look_at_operators,
        lambda scene: plant_file(scene, scene.company.written.folder / "drp.yml", "base64url 2"),
    ),
    "words of drp": (look_at_operators, plant_what_drp_says),
    "repository": (look_at_repository, lambda scene: plant_file(scene, CHECKOUT / "stray.txt", "hex")),
    "object of the witness": (look_at_objects, lambda scene: plant_object(scene, "witness", "python")),
    "object of the backups": (look_at_objects, lambda scene: plant_object(scene, "backups", "raw")),
    "object of the keys": (look_at_objects, lambda scene: plant_object(scene, "keys", "json of base64 0")),
}


@pytest.mark.parametrize("place", PLANTS)
def test_a_secret_planted_there_is_found(scene: Scene, place: str) -> None:
    look, plant = PLANTS[place]
    with plant(scene):
        found = look(scene)
    assert found
    assert all(scene.canary.name in line for line in found)


def host_of(scene: Scene) -> HostMachine:
    return scene.company.lab.hosts[scene.company.lab.names.home.hosts[0]]


@contextmanager
def engine_of(scene: Scene) -> Iterator[docker.DockerClient]:
    with contextlib.closing(host_of(scene).open_client()) as engine:
        yield engine


def image_of(scene: Scene) -> str:
    return scene.company.lab.images["api"].id


def text_of(scene: Scene, form: str) -> str:
    return scene.canary.forms()[form].decode()


@contextmanager
def removed(thing: Any) -> Iterator[Any]:
    """A container or volume that goes at the end of the block."""
    try:
        yield thing
    finally:
        thing.remove(force=True)
