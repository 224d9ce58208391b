"""A tenant among others on real engines: what reaches it, what it reaches, and that a breach is named."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import docker
import pytest
from docker.models.containers import Container

from drp.actions.action import ReadPorts
from drp.actions.isolation import prove_standing
from drp.commands.wiring import Places, open_workshop
from drp.model.names import EDGE, GUARD, Instance
from drp.model.reach import Matrix
from tests.lab import plan
from tests.lab.company import Company
from tests.lab.frames import BROADCAST, PUSH, Frame, find_numbers, listening, send
from tests.lab.host import HostMachine
from tests.lab.reach import find_open

SERVICES = ("api", "mongodb", "redis")
MARK = b"drp-forged-frame"
CACHE = b"drp-frame-of-the-own-cache"
SHOWN = b"drp-frame-that-must-come"
_SLEEP = ["-c", "import time; time.sleep(600)"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Two tenants on one host: ``own`` is proven, ``other`` is its neighbour."""

    company: Company
    ports: ReadPorts
    machine: HostMachine
    engine: docker.DockerClient
    own: Instance
    other: Instance

    def prove(self) -> Matrix:
        """The matrix as an operator's machine finds it."""
        began = time.monotonic()
        with self.company.lab.ops1.net():
            matrix = prove_standing(self.ports, self.machine.name, self.own)
        counts = Counter(cell.found for cell in matrix.cells)
        print(f"\n{len(matrix.cells)} cells in {time.monotonic() - began:.1f} s: {dict(counts)}")
        return matrix

    def container(self, instance: Instance, service: str) -> Container:
        return self.engine.containers.get(f"{instance}-{service}")

    def address(self, instance: Instance, service: str, link: str) -> str:
        found = self.container(instance, service).attrs["NetworkSettings"]["Networks"]
        return str(found[f"{instance}-{link}"]["IPAddress"])

    @contextlib.contextmanager
    def inside(self, container: Container) -> Iterator[None]:
        with self.machine.net_of(container.attrs["State"]["Pid"]):
            yield


@pytest.fixture(scope="module")
def scene(company: Company) -> Iterator[Scene]:
    names = company.lab.names
    for tenant in names.tenants[:2]:
        company.ensure_deployed(tenant)
    (host, own), (other_host, other) = (company.host_of(tenant) for tenant in names.tenants[:2])
    assert host == other_host, "these tests need both tenants on one host"
    places = Places(
        config=company.written.folder,
        runbooks=None,
        key_file=company.written.key_file,
        operator="tester",
        environment={},
    )
    machine = company.lab.hosts[host]
    with contextlib.closing(machine.open_client()) as engine:
        yield Scene(
            company=company,
            ports=open_workshop(places).ports,
            machine=machine,
            engine=engine,
            own=Instance.parse(own),
            other=Instance.parse(other),
        )


@pytest.fixture
def flushed(scene: Scene) -> Iterator[None]:
    """The engine's rules are gone and everything that is forwarded would pass."""
    saved = scene.machine.run("iptables-save", "-t", "filter").stdout
    for words in (("-F",), ("-P", "FORWARD", "ACCEPT")):
        scene.machine.run("iptables", *words)
    yield
    scene.machine.run("iptables-restore", input=saved)


@pytest.fixture
def services_of_the_host(scene: Scene) -> Iterator[None]:
    """Programs of the host listen on any address, as most do."""
    with scene.machine.net():
        sockets = [socket.create_server(("", 22)), socket.socket(type=socket.SOCK_DGRAM)]
        sockets[1].bind(("", 53))
    yield
    for each in sockets:
        each.close()


def test_a_deployed_tenant_is_as_promised(scene: Scene) -> None:
    matrix = scene.prove()
    assert list(map(str, matrix.red())) == []
    own = {f"{scene.own}-{service}" for service in SERVICES}
    asked = {cell.source for cell in matrix.cells}
    assert asked >= {*own, EDGE, GUARD, "helper", *(f"{scene.other}-{service}" for service in SERVICES)}
    found = {(cell.source, cell.target) for cell in matrix.cells if cell.found == "open"}
    assert found == {
        (f"{scene.own}-api", "own mongodb"),
        (f"{scene.own}-api", "own redis"),
        (EDGE, "own api"),
        ("helper", "own mongodb"),
        ("helper", "own redis"),
        ("helper", "object store"),
        (GUARD, "object store"),
    }
    print(f"the matrix in {len(json.dumps(matrix.to_json()))} bytes")


@pytest.fixture
def breaches(scene: Scene) -> Iterator[None]:
    """A foreign container on the data link, a neighbour on it, and a port that nobody asked for."""
    image = scene.company.lab.images["helper"].id
    link = scene.engine.networks.get(scene.own.network("data"))
    neighbour = scene.container(scene.other, "redis")
    with contextlib.ExitStack() as undo:

        def run(name: str, **more: object) -> None:
            made = scene.engine.containers.run(
                image, _SLEEP, entrypoint="/usr/bin/python3", name=name, detach=True, **more
            )  # type: ignore[call-overload]
            undo.callback(made.remove, force=True)

        run("foreign", network=link.name)
        run("stray", ports={"8443/tcp": (str(scene.machine.edge_address), 8443)})
        link.connect(neighbour)
        undo.callback(link.disconnect, neighbour)
        yield


@pytest.mark.usefixtures("breaches")
def test_each_breach_is_named(scene: Scene) -> None:
    red = scene.prove().red()
    neighbour, link = f"{scene.other}-redis", scene.own.network("data")
    named = {(cell.source, cell.target, cell.place.split()[0]) for cell in red if cell.found == "open"}
    assert named == {
        ("foreign", "own mongodb", "tcp"),
        ("foreign", link, "member"),
        (neighbour, "own mongodb", "tcp"),
        (neighbour, link, "member"),
        ("stray", f"ports of {scene.machine.name}", "published:"),
    }
    # a datagram that is refused was answered as well
    assert {cell.source for cell in red} == {"foreign", neighbour, "stray"}


@pytest.mark.usefixtures("flushed", "services_of_the_host")
def test_without_the_engines_rules_all_holds(scene: Scene) -> None:
    assert list(map(str, scene.prove().red())) == []


@pytest.mark.usefixtures("services_of_the_host")
def test_without_the_own_table_the_host_is_open_and_named(scene: Scene) -> None:
    for family in ("inet", "bridge"):
        scene.machine.run("nft", "delete", "table", family, "drp")
    try:
        red = scene.prove().red()
    finally:
        scene.machine.run("nft", "-I", "/run/disk", "-f", "/run/disk/drp.nft")
    named = {(cell.source, cell.target, cell.found) for cell in red}
    assert (EDGE, "gateway of the edge", "open") in named
    assert ("helper", "gateway of the way out", "open") in named
    assert (EDGE, f"engine of {scene.machine.name}", "open") in named
    # links without a host address keep what they promise without any firewall
    assert {cell.source for cell in red} == {EDGE, "helper", GUARD}


@pytest.mark.usefixtures("flushed")
def test_forged_frames_of_a_neighbour_do_not_arrive(scene: Scene) -> None:
    """Sent with all rights from each of the neighbour's containers and from the own cache, with the own
    API's addresses as their source, to the hardware addresses of the bridges, of the edge and of all."""
    data = scene.address(scene.own, "mongodb", "data")
    targets = {"mongodb": (data, 27017), "redis": (scene.address(scene.own, "redis", "cache"), 6379)}
    targets["api"] = (scene.address(scene.own, "api", "edge"), 8080)
    with contextlib.ExitStack() as stack:
        ears = {}
        for service in targets:
            with scene.inside(scene.container(scene.own, service)):
                ears[service] = stack.enter_context(listening())
        with scene.inside(scene.container(scene.own, "api")):
            opened = stack.enter_context(socket.create_connection(targets["mongodb"], timeout=20))
        port = opened.getsockname()[1]
        numbers = find_numbers(ears["api"].drain(), port)
        frames = build_frames(scene, port, list(targets.values()), numbers=numbers)
        sent = 0
        for service in SERVICES:
            with scene.inside(scene.container(scene.other, service)):
                sent += send(frames)
        with scene.inside(scene.container(scene.own, "redis")):
            sent += send([replace(frame, payload=CACHE) for frame in frames if frame.target[0] == data])
        print(f"\n{sent} forged frames")
        show(scene, targets)
        for service, ear in ears.items():
            heard = ear.wait_for(SHOWN, 20)
            # the API stands on the link of the cache, and hears there what is sent to nobody it knows
            unheard = (MARK,) if service == "api" else (MARK, CACHE)
            assert [frame for frame in heard if any(mark in frame for mark in unheard)] == [], service
        # the connection that they were to slip into goes on
        opened.settimeout(1)
        with pytest.raises(TimeoutError):
            opened.recv(1)


def build_frames(
    scene: Scene, port: int, targets: list[tuple[str, int]], *, numbers: tuple[int, int]
) -> list[Frame]:
    """From the neighbour's own address and the own API's, within its open connection (a worst case: the
    numbers are the right ones) and beside it."""
    edge = scene.engine.containers.get(EDGE).attrs["NetworkSettings"]["Networks"]
    hardware = {BROADCAST, edge[scene.other.network("edge")]["MacAddress"]}
    for role in ("edge", "data", "cache"):
        for instance in (scene.own, scene.other):
            shown = scene.machine.run("ip", "-br", "link", "show", "dev", instance.bridge(role))
            hardware.add(shown.stdout.split()[2])
    sources = [
        (scene.address(scene.own, "api", "data"), port),
        (scene.address(scene.own, "api", "cache"), 40001),
        (scene.address(scene.other, "api", "edge"), 40002),
    ]
    return [
        Frame(hardware=each, source=source, target=target, flags=PUSH, payload=MARK, numbers=numbers)
        for each in sorted(hardware)
        for source in sources
        for target in targets
    ]


def show(scene: Scene, targets: dict[str, tuple[str, int]]) -> None:
    """The same kind of frame, from where it may come: it arrives."""
    senders = {"mongodb": ("api", "data"), "redis": ("api", "cache"), "api": (EDGE, "edge")}
    for service, (sender, link) in senders.items():
        who = scene.engine.containers.get(EDGE) if sender == EDGE else scene.container(scene.own, sender)
        place = scene.container(scene.own, service).attrs["NetworkSettings"]["Networks"]
        mine = who.attrs["NetworkSettings"]["Networks"][
            scene.own.network("edge" if sender == EDGE else "data")
        ]
        hardware = place[f"{scene.own}-{link}"]["MacAddress"]
        frame = Frame(
            hardware=hardware,
            source=(mine["IPAddress"], 40003),
            target=targets[service],
            flags=PUSH,
            payload=SHOWN,
        )
        with scene.inside(who):
            send([frame])


def test_no_engine_answers_but_to_operators(scene: Scene) -> None:
    lab, machine = scene.company.lab, scene.machine
    addresses = (machine.addresses.management, machine.edge_address)
    ports = [(address, port) for address in addresses for port in (2375, plan.ENGINE_PORT)]
    neighbour = next(host for host in lab.hosts_of(machine.site) if host is not machine)
    assert find_open(lab.client, ports) == set()
    assert find_open(neighbour, ports) == set()
    assert find_open(lab.ops1, ports) == {(machine.addresses.management, plan.ENGINE_PORT)}
