"""A host's own firewall keeps containers apart, whatever becomes of the engine's rules.

Links are made the weak way here, with host addresses and not internal, so that nothing but
config/hosts/drp.nft stands between them.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

import docker
import pytest
from docker.models.containers import Container
from docker.models.networks import Network
from docker.types import IPAMConfig, IPAMPool

from tests.lab import plan
from tests.lab.host import HostMachine
from tests.lab.lab import Lab
from tests.lab.machine import Machine
from tests.lab.reach import Target, can_connect, find_open

_ECHO = (
    "import socketserver as s\n"
    "class T(s.ThreadingTCPServer): allow_reuse_address = True\n"
    "T(('', 8443), s.BaseRequestHandler).serve_forever()"
)
_ASK = """
import selectors, socket, sys, time
selector = selectors.DefaultSelector()
for target in sys.argv[1:]:
    address, port = target.split(":")
    asking = socket.socket()
    asking.setblocking(False)
    asking.connect_ex((address, int(port)))
    selector.register(asking, selectors.EVENT_WRITE, target)
end = time.monotonic() + 1
while selector.get_map() and time.monotonic() < end:
    for key, _ in selector.select(end - time.monotonic()):
        if selector.unregister(key.fileobj).fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
            print(key.data)
"""
_PORT = 8443
STORE: Target = (plan.STORE, plan.STORE_PORT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A container that listens on 8443, as others on its host see it."""

    container: Container
    address: IPv4Address

    @property
    def place(self) -> Target:
        return self.address, _PORT

    def find_open(self, *targets: Target) -> set[Target]:
        """Those that take a connection from this container within a second."""
        code, said = self.container.exec_run(["python3", "-c", _ASK, *(f"{a}:{p}" for a, p in targets)])
        assert isinstance(said, bytes)
        assert code == 0, said
        lines = [line.split(":") for line in said.decode().split()]
        return {(IPv4Address(address), int(port)) for address, port in lines}


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A host with two links of tenants, an edge, two helpers and something that is not of drp; and
    another host with an edge."""

    host: HostMachine
    other: HostMachine
    one: Member
    one_more: Member
    foreign: Member
    edge: Member
    helper: Member
    helper_more: Member
    stray: Member


class Builder:
    """Makes networks and containers of one host, and removes them with the stack."""

    def __init__(self, host: HostMachine, client: docker.DockerClient, undo: contextlib.ExitStack) -> None:
        self._host, self._client, self._undo = host, client, undo
        self._subnets = host.subnets.subnets(new_prefix=28)

    def add_network(self, bridge: str, *, talk: bool = True) -> Network:
        options = {
            "com.docker.network.bridge.name": bridge,
            "com.docker.network.bridge.enable_icc": str(talk).lower(),
        }
        pool = IPAMConfig(pool_configs=[IPAMPool(subnet=str(next(self._subnets)))])
        network = self._client.networks.create(bridge, driver="bridge", options=options, ipam=pool)
        self._undo.callback(network.remove)
        return network

    def add_member(self, network: Network, image: str, *, published: bool = False) -> Member:
        ports: dict[str, int | list[int] | tuple[str, int] | None] = {}
        if published:
            ports = {f"{_PORT}/tcp": (str(self._host.edge_address), 443)}
        container = self._client.containers.run(
            image,
            ["-c", _ECHO],
            entrypoint="/usr/bin/python3",
            user="65534:65534",
            network=network.name,
            ports=ports,
            detach=True,
        )
        self._undo.callback(container.remove, force=True)
        container.reload()
        about = container.attrs["NetworkSettings"]["Networks"][network.name]
        return Member(container=container, address=IPv4Address(about["IPAddress"]))


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A laboratory of its own: in one with tenants, subnets and names would meet theirs."""
    with Lab.up() as running:
        yield running


@pytest.fixture(scope="module")
def world(lab: Lab) -> Iterator[World]:
    host, other = lab.hosts_of(lab.names.home.name)[0], lab.hosts_of(lab.names.away.name)[0]
    image = lab.images["helper"]
    host.load(image)
    other.load(image)
    with contextlib.ExitStack() as undo:
        client = undo.enter_context(contextlib.closing(host.open_client()))
        here = Builder(host, client, undo)
        there = Builder(other, undo.enter_context(contextlib.closing(other.open_client())), undo)
        one, foreign = here.add_network("drp-one"), here.add_network("drp-two")
        out = here.add_network("drp-out", talk=False)
        there.add_member(there.add_network("drp-edge"), image.id, published=True)
        yield World(
            host=host,
            other=other,
            one=here.add_member(one, image.id),
            one_more=here.add_member(one, image.id),
            foreign=here.add_member(foreign, image.id),
            edge=here.add_member(here.add_network("drp-edge"), image.id, published=True),
            helper=here.add_member(out, image.id),
            helper_more=here.add_member(out, image.id),
            stray=here.add_member(here.add_network("stray"), image.id),
        )


@pytest.fixture(params=["the engine's rules in place", "the engine's rules flushed"])
def rules(request: pytest.FixtureRequest, world: World) -> Iterator[None]:
    """Without the engine's rules everything that is forwarded would pass."""
    flushed = "flushed" in request.param
    saved = world.host.run("iptables-save", "-t", "filter").stdout
    if flushed:
        world.host.run("iptables", "-F", "FORWARD")
        world.host.run("iptables", "-P", "FORWARD", "ACCEPT")
    yield
    if flushed:
        world.host.run("iptables-restore", input=saved)


@pytest.mark.usefixtures("rules")
def test_a_link_reaches_itself_and_nothing_else(lab: Lab, world: World) -> None:
    local = [m.place for m in (world.one_more, world.foreign, world.edge, world.helper, world.stray)]
    found = world.one.find_open(*local, STORE, (world.other.edge_address, 443), (lab.dns.primary, 53))
    assert found == {world.one_more.place}


@pytest.mark.usefixtures("rules")
def test_no_container_reaches_its_host_or_an_engine(world: World) -> None:
    with world.host.net():
        listener = socket.create_server(("", _PORT))
    gateway = next(world.host.subnets.subnets(new_prefix=28))[1]
    addresses = (gateway, world.host.edge_address, world.host.addresses.management)
    engines = [(h.addresses.management, plan.ENGINE_PORT) for h in (world.host, world.other)]
    with listener:
        assert can_connect(world.host, gateway, _PORT)
        for member in (world.one, world.edge, world.helper):
            assert member.find_open(*((a, _PORT) for a in addresses), *engines) == set()


@pytest.mark.usefixtures("rules")
def test_the_edge_takes_what_is_published_and_reaches_other_edges_only(lab: Lab, world: World) -> None:
    published = (world.host.edge_address, 443)
    assert find_open(lab.client, [published, (world.host.edge_address, _PORT)]) == {published}
    far = (world.other.edge_address, 443)
    assert world.edge.find_open(far, STORE, world.one.place, world.helper.place) == {far}


@pytest.mark.usefixtures("rules")
def test_a_helper_reaches_the_store_only(lab: Lab, world: World) -> None:
    elsewhere = ((world.other.edge_address, 443), (lab.dns.primary, 53), world.one.place, world.edge.place)
    assert world.helper.find_open(STORE, *elsewhere) == {STORE}


@pytest.mark.usefixtures("rules")
def test_helpers_do_not_reach_each_other(world: World) -> None:
    assert world.helper.find_open(world.helper_more.place, STORE) == {STORE}


@pytest.mark.usefixtures("rules")
def test_containers_are_not_reached_from_outside_even_with_a_route(lab: Lab, world: World) -> None:
    neighbour = lab.hosts_of(lab.names.home.name)[1]
    members = [world.one.place, world.edge.place, world.helper.place, world.stray.place]
    for gateway in (world.host.edge_address, world.host.addresses.management):
        with routed(neighbour, world.host.subnets, gateway):
            assert find_open(neighbour, members) == set()


@pytest.mark.usefixtures("rules")
def test_a_host_does_not_route_between_its_legs(lab: Lab, world: World) -> None:
    management = plan.MANAGEMENT[0]
    neighbour = lab.hosts_of(lab.names.home.name)[1]
    engines = [(h.addresses.management, plan.ENGINE_PORT) for h in (neighbour, world.host)]
    there = routed(lab.client, management, plan.THIRD[1])
    with there, routed(lab.routers[0], management, world.host.edge_address):
        assert find_open(lab.client, engines) == set()


@contextlib.contextmanager
def routed(machine: Machine, network: IPv4Network, gateway: IPv4Address) -> Iterator[None]:
    """The machine sends for this network through that gateway, as an attacker would make it."""
    machine.run("ip", "route", "add", str(network), "via", str(gateway))
    try:
        yield
    finally:
        machine.run("ip", "route", "del", str(network))
