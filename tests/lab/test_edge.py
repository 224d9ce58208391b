"""Edges in their containers on real engines of two sites: published ports, forwards, holds, restarts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from drp.actions import build
from drp.errors import DrpError, RejectedError
from drp.model.inventory import Host, SecretRef
from drp.model.names import EDGE, SECRETS_ROOT, Instance
from drp.model.specs import Attachment, ContainerSpec
from drp.model.values import Secret
from drp.ports.edges import Route
from drp.ports.probes import Answer
from drp.providers.docker.engine import Engine
from drp.providers.docker.host import DockerHost
from drp.providers.docker.tls import TlsMaterial
from drp.providers.edge.config import EdgeSettings
from drp.providers.edge.haproxy import HaproxyEdge
from drp.providers.probes import NetworkProbes
from drp.testing.certificates import fingerprint_of
from tests.lab import plan
from tests.lab.host import HostMachine
from tests.lab.lab import Lab
from tests.providers.servers import wait_until

INSTANCE = Instance("edgetest", "e0001")
NAME = "edgetest.tenants.invalid"
PORT = 8080
GRACE = timedelta(seconds=2)

# Answers with its request's headers, after as many seconds as the path says.
_API = """
import http.server, json, time
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        time.sleep(float(self.path.strip("/") or 0))
        body = json.dumps({k.lower(): v for k, v in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()
"""


@dataclass(frozen=True)
class Place:
    """One host with its edge; ``api`` is where an API of the tenant stands or would stand."""

    machine: HostMachine
    model: Host
    host: DockerHost
    edge: HaproxyEdge

    @property
    def api(self) -> Route:
        return Route("local", f"{build.link_address(self._link, 'api')}:{PORT}")

    @property
    def forward(self) -> Route:
        """The route other edges have to this one."""
        return Route("edge", f"{self.model.edge}:443")

    @property
    def _link(self) -> str:
        return build.link_block(self.model, build.FIRST_TENANT_BLOCK)

    def add_edge(self, image: str) -> None:
        self.host.create_network(build.edge_network(self.model))
        self.host.create_volume(build.edge_volume())
        self.host.create_container(build.edge_container(self.model, image))
        self.edge.install()
        self.start_edge()

    def start_edge(self) -> None:
        """Permitted to answer, as a guard would do."""
        self.host.start_container(EDGE)
        wait_until(self._is_permitted)

    def _is_permitted(self) -> bool:
        try:
            self.edge.permit(datetime.now(UTC) + timedelta(hours=1))
        except DrpError:
            return False
        return True

    def add_api(self, image: str) -> None:
        link = build.link_network(INSTANCE, "edge", self._link)
        self.host.create_network(link)
        self.host.connect(link.name, EDGE, address=build.link_address(self._link, "edge"), aliases=())
        self.host.create_container(
            ContainerSpec(
                name=INSTANCE.container("api"),
                image=image,
                entrypoint=("/usr/bin/python3", "-c", _API),
                uid=65534,
                gid=65534,
                attachments=(Attachment(network=link.name, address=build.link_address(self._link, "api")),),
                memory=128 * 2**20,
                cpus=0.5,
                pids=64,
            )
        )
        self.host.start_container(INSTANCE.container("api"))

    def clear(self) -> None:
        for container in (EDGE, INSTANCE.container("api")):
            self.host.remove_container(container)
        for network in (EDGE, INSTANCE.network("edge")):
            self.host.remove_network(network)
        self.host.remove_volume(EDGE)
        self.machine.run("rm", "-rf", f"{SECRETS_ROOT}/{EDGE}")


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """One of its own: the edges here stand in the places of those that drp deploys."""
    with Lab.up() as running:
        yield running


@pytest.fixture(scope="module")
def pem(lab: Lab) -> Secret:
    return Secret(lab.ca.issue_server(NAME).bundle)


@pytest.fixture(scope="module")
def places(lab: Lab, pem: Secret) -> Iterator[tuple[Place, Place]]:
    """An edge at home with the tenant's API beside it, and an edge at the other site."""
    home, away = (lab.hosts_of(site.name)[0] for site in (lab.names.home, lab.names.away))
    pair = build_place(lab, home), build_place(lab, away)
    images = lab.images["edge"], lab.images["helper"]
    for machine in (home, away):
        machine.load(*images)
    with lab.ops1.net():
        try:
            for place in pair:
                place.add_edge(images[0].id)
            pair[0].add_api(images[1].id)
            for place in pair:
                place.edge.set_certificate(NAME, pem)
            yield pair
        finally:
            for place in pair:
                place.clear()


def build_place(lab: Lab, machine: HostMachine) -> Place:
    model = Host(
        name=machine.name,
        site=machine.site,
        engine=machine.engine_url,
        tls=SecretRef(kind="sealed", name=machine.name),
        edge=str(machine.edge_address),
        memory=2**33,
        disk=2**36,
        cpus=2.0,
        subnets=str(machine.subnets),
    )
    tls = TlsMaterial(ca=machine.tls.ca, cert=machine.tls.cert, key=Secret(machine.tls.key))
    host = DockerHost(Engine(machine.name, machine.engine_url, tls=tls))
    peers = tuple(str(each.edge_address) for each in lab.hosts.values())
    settings = EdgeSettings(authorities=lab.ca.certificate.decode(), peers=peers, uid=build.EDGE_UID)
    return Place(machine, model, host, HaproxyEdge(host, settings))


def get(lab: Lab, place: Place, path: str = "/") -> Answer:
    """What a client in the third zone gets at the edge's public address."""
    with lab.client.net():
        probes = NetworkProbes(lab.ca.certificate.decode())
        return probes.get(place.model.edge, NAME, path, timedelta(seconds=20))


def test_clients_are_served_at_the_public_address(lab: Lab, places: tuple[Place, Place], pem: Secret) -> None:
    home, _ = places
    home.edge.set_route(NAME, home.api)
    answer = get(lab, home)
    assert answer.status == 200
    with lab.client.net():
        shown = NetworkProbes(lab.ca.certificate.decode()).handshake(home.model.edge, 443, NAME)
    assert shown.fingerprint == fingerprint_of(pem)
    assert home.edge.has_certificate(NAME, shown.fingerprint)
    assert home.edge.is_installed()


def test_a_forwarded_request_keeps_its_clients_address(lab: Lab, places: tuple[Place, Place]) -> None:
    home, away = places
    home.edge.set_route(NAME, home.api)
    away.edge.set_route(NAME, home.forward)
    near, far = json.loads(get(lab, home).body), json.loads(get(lab, away).body)
    assert near["x-forwarded-for"] == far["x-forwarded-for"] == str(plan.CLIENT)
    assert (near["host"], near["x-forwarded-proto"]) == (NAME, "https")
    assert "x-drp-forwarded" not in far
    assert (home.edge.requests_in_flight(NAME), away.edge.requests_in_flight(NAME)) == (0, 0)


def test_a_held_request_waits_and_what_was_passed_on_is_counted(
    lab: Lab, places: tuple[Place, Place]
) -> None:
    home, away = places
    home.edge.set_route(NAME, home.api)
    away.edge.set_route(NAME, home.forward)
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(get, lab, away, "/3")
        wait_until(lambda: home.edge.requests_in_flight(NAME) == 1)
        for place in places:
            place.edge.hold(NAME, timedelta(minutes=1))
        waiting = [pool.submit(get, lab, place) for place in places]
        assert slow.result().status == 200
        wait_until(lambda: home.edge.requests_in_flight(NAME) == 0)
        # the tenant is somewhere else now: held requests must find it there
        home.edge.set_route(NAME, Route("closed"))
        assert not any(each.done() for each in waiting)
        for place in places:
            place.edge.release(NAME)
        assert [each.result().status for each in waiting] == [503, 503]


def test_a_restart_forgets_nothing(lab: Lab, places: tuple[Place, Place]) -> None:
    home, _ = places
    home.edge.set_route(NAME, home.api)
    home.edge.hold("other.tenants.invalid", timedelta(minutes=1))
    home.host.stop_container(EDGE, GRACE)
    with pytest.raises(DrpError):
        home.edge.routes()
    home.start_edge()
    wait_until(lambda: home.edge.routes() == {NAME: home.api})
    assert home.edge.is_held("other.tenants.invalid")
    assert get(lab, home).status == 200
    home.edge.release("other.tenants.invalid")


def test_a_removed_certificate_is_presented_no_more(
    lab: Lab, places: tuple[Place, Place], pem: Secret
) -> None:
    home, _ = places
    home.edge.remove_certificate(NAME)
    with pytest.raises(RejectedError, match="UNRECOGNIZED_NAME"):
        get(lab, home)
    home.edge.set_certificate(NAME, pem)
    assert get(lab, home).status < 500


def test_an_edge_is_as_small_as_it_can_be(lab: Lab, places: tuple[Place, Place]) -> None:
    home, _ = places

    def ask(*argv: str) -> str:
        return home.host.execute(EDGE, argv, timedelta(seconds=20)).output

    assert ask("cat", "/proc/sys/net/ipv4/ip_forward").strip() == "0"
    assert ask("id", "-u").strip() == str(build.EDGE_UID)
    assert "Read-only file system" in ask("touch", "/etc/x")
    listening = [line.split()[1] for line in ask("cat", "/proc/net/tcp").splitlines()[1:] if " 0A " in line]
    # the engine's own name server stands at 127.0.0.11 in every container
    ports = [int(port, 16) for host, port in (a.split(":") for a in listening) if host != "0B00007F"]
    assert sorted(ports) == [80, 443]
    found = home.host.find_container(EDGE)
    assert found is not None
    assert sorted(found.published) == [f"{home.model.edge}:443", f"{home.model.edge}:80"]


def test_a_key_is_in_the_hosts_tmpfs_alone(lab: Lab, places: tuple[Place, Place], pem: Secret) -> None:
    home, _ = places
    key = pem.reveal().split(b"PRIVATE KEY-----\n")[1].splitlines()[0].decode()
    found = home.machine.run("grep", "-rlaF", key, "/run/drp", "/var/lib/docker", check=False).stdout.split()
    assert found == [f"{SECRETS_ROOT}/{EDGE}/{NAME}.pem"]
    assert home.machine.run("stat", "-f", "-c", "%T", f"{SECRETS_ROOT}/{EDGE}").stdout.strip() == "tmpfs"
    mode = home.machine.run("stat", "-c", "%u:%g:%a", found[0]).stdout.strip()
    assert mode == f"0:{build.EDGE_UID}:440"
