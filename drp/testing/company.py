"""A whole company in memory: two sites with two hosts each, stores, DNS, edges, three tenants.

It answers both halves of an action's ports, can be deep-copied at any moment, and ``dump`` is a picture
of its world in which ids and times are left out, to be compared with another.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from io import BytesIO
from typing import Final

from drp.actions.prober import Prober
from drp.dataplane import keys
from drp.dataplane.wire import read_job, render_result
from drp.model.inventory import (
    Account,
    DnsZone,
    Fence,
    Host,
    Images,
    Inventory,
    Residency,
    SecretRef,
    Service,
    Signer,
    Site,
    Store,
    Tenant,
)
from drp.model.names import EDGE, SERVICE_ROLES, ServiceRole
from drp.model.policies import Policies
from drp.model.specs import ContainerSpec
from drp.model.values import JsonMap, Secret
from drp.ports.probes import Answer
from drp.testing.certificates import Authority
from drp.testing.clock import ManualClock
from drp.testing.databases import FakeDatabases
from drp.testing.dns import FakeDns
from drp.testing.edges import FakeEdge
from drp.testing.guards import run_guard
from drp.testing.helpers import FakeHelpers
from drp.testing.hosts import FakeHost
from drp.testing.objects import FakeObjects
from drp.testing.probes import FakeProbes
from drp.testing.reach import FakeReach, stand_in

_UIDS: Final[Mapping[ServiceRole, int]] = {"mongodb": 4001, "redis": 4002, "api": 4003}
_PORTS: Final[Mapping[ServiceRole, int]] = {"mongodb": 27017, "redis": 6379, "api": 8080}
_DATA: Final[Mapping[ServiceRole, str]] = {"mongodb": "/data/db", "redis": "/data", "api": ""}
_PLACE: Final = Residency(country="FR", provider="metal", account="main")
_SITES: Final = {"dc3": ("h1", "h2"), "dc5": ("h3", "h4")}
_TENANTS: Final = ("acme", "globex", "initech")
_STORES: Final = ("backups", "keys", "witness")


def image_id(name: str) -> str:
    """A well-formed image ID that tells nothing."""
    return f"sha256:{name.encode().hex():0<64}"[:71]


def _sealed(name: str) -> SecretRef:
    return SecretRef(kind="sealed", name=name)


def _host(name: str, site: str, number: int) -> Host:
    return Host(
        name=name,
        site=site,
        engine=f"tcp://10.0.{number}.1:2376",
        tls=_sealed(name),
        edge=f"192.0.2.{10 * number}",
        memory=16 * 2**30,
        disk=100 * 2**30,
        cpus=4.0,
        subnets=f"10.{100 + number}.0.0/20",
    )


def _service(role: ServiceRole) -> Service:
    return Service(
        role=role,
        image=image_id(role),
        command=(),
        environment={},
        uid=_UIDS[role],
        gid=_UIDS[role],
        port=_PORTS[role],
        memory=512 * 2**20,
        cpus=1.0,
        pids=256,
        data=_DATA[role],
    )


def _tenant(name: str, public: bytes) -> Tenant:
    return Tenant(
        name=name,
        home="dc3",
        host=None,
        domains=(f"{name}.example.test",),
        env="production",
        tier="silver",
        dedicated=name == "initech",
        egress=(),
        residency=(),
        memory=2 * 2**30,
        disk=10 * 2**30,
        freeze=timedelta(minutes=2),
        redis="live",
        services={role: _service(role) for role in SERVICE_ROLES},
        accounts=(Account(name="api", roles=({"role": "readWriteAnyDatabase", "db": "admin"},)),),
        smoke=({"method": "PUT", "path": "/probe/1", "expect_status": 200},),
        smoke_collections=("app.drp_probe",),
        certificate=_sealed(f"{name}.tls"),
        root=_sealed(f"{name}.root"),
        token=_sealed(f"{name}.token"),
        backup_public=base64.b64encode(public).decode(),
        backup_private=_sealed(f"{name}.backup"),
        backup_store="backups",
        backup_keys="keys",
        contacts=(f"it@{name}.example",),
    )


class FakeCompany:
    """Both halves of the ports, and everything behind them."""

    def __init__(self, tenants: Sequence[str] = _TENANTS) -> None:
        self._tenants = tenants
        self.clock = ManualClock()
        self.authority = Authority()
        self.secrets = SecretShelf()
        self.inventory = self._build_inventory()
        self.hosts = {host.name: FakeHost(host.name) for host in self.inventory.hosts()}
        self.edges = {name: FakeEdge(self.clock) for name in self.hosts}
        for name, edge in self.edges.items():
            edge.host = self.hosts[name]
        self.stores = {name: FakeObjects() for name in _STORES}
        self.zone = FakeDns()
        self.databases = FakeDatabases(self.stores)
        self.reach = FakeReach(self.inventory)
        handlers = {**self.databases.handlers(), "reach": self.reach.reach}
        self.helpers = FakeHelpers(self.hosts, handlers)
        self.prober = Prober(self.inventory, self.helpers, self.host)
        by_address = {host.edge: self.edges[host.name] for host in self.inventory.hosts()}
        self.probes = FakeProbes(by_address, self.clock, authority=self.authority)
        self.probes.answers = AnyApi(self.hosts)
        self.reach.down = self.probes.down
        for host in self.hosts.values():
            host.commands[image_id("helper")] = run_guard
        for name in ("helper", "edge", *SERVICE_ROLES):
            self.hosts["h1"].add_image(image_id(name), name.encode())
        for host in self.hosts.values():
            self.secrets[host.name] = Secret(b"of an engine")
            host.programs[image_id("helper")] = answer_line_by_line

    # the ports

    def host(self, name: str) -> FakeHost:
        self.hosts[name].time = self.clock.now()
        return self.hosts[name]

    def edge(self, host: str) -> FakeEdge:
        return self.edges[host]

    def dns(self) -> FakeDns:
        return self.zone

    def store(self, name: str) -> FakeObjects:
        return self.stores[name]

    def secret(self, ref: SecretRef) -> Secret:
        return self.secrets[ref.name]

    # what only tests do

    def dump(self) -> JsonMap:
        """The world as it can be seen from outside drp; backups by their number, epochs by their keys."""
        return {
            "hosts": {name: host.dump() for name, host in self.hosts.items()},
            "edges": {name: edge.dump() for name, edge in self.edges.items()},
            "zone": self.zone.dump(),
            "epochs": [*self.stores["witness"].list("epochs/")],
            "backups": len(self.stores["backups"].list("drp1/")),
            "keys": len(self.stores["keys"].list("drp1/")),
        }

    def lose(self, site: str) -> None:
        """Nothing of it answers any more."""
        for host in self.inventory.sites[site].hosts:
            self.hosts[host.name].reachable = False
            self.probes.down.add(host.edge)

    def _build_inventory(self) -> Inventory:
        self.secrets["tsig"] = Secret(b"of the zone")
        tenants = {}
        self.secrets["guards"] = Secret(b"guards".ljust(32))
        for name in self._tenants:
            pair = keys.new_backup_keypair()
            self.secrets[f"{name}.backup"] = pair.private
            self.secrets[f"{name}.root"] = Secret(f"{name:*<32}".encode())
            self.secrets[f"{name}.token"] = Secret(f"token of {name}".encode())
            self.secrets[f"{name}.tls"] = self.authority.issue(f"{name}.example.test")
            tenants[name] = _tenant(name, pair.public)
        return Inventory(
            timezone="Europe/Paris",
            sites=self._build_sites(),
            stores={name: self._build_store(name) for name in _STORES},
            witness="witness",
            dns=DnsZone(
                name="main",
                kind="rfc2136",
                zone="example.test",
                servers=("192.0.2.53", "198.51.100.53"),
                key=_sealed("tsig"),
                ttl=300,
                move_ttl=30,
                residency=_PLACE,
            ),
            signers={site: self._build_signer(site) for site in _SITES},
            images=Images(helper=image_id("helper"), edge=image_id("edge")),
            edge_ca=self.authority.pem,
            tenants=tenants,
            digest="0" * 64,
            # shorter than a lease: a step that waits on this clock moves it for everybody
            fence=Fence(term=timedelta(seconds=2)),
            policies=Policies(operators=("ops@example.test",)),
        )

    @staticmethod
    def _build_sites() -> dict[str, Site]:
        numbers = iter(range(1, 9))
        return {
            site: Site(
                name=site,
                alias=f"{site}.example.test",
                residency=_PLACE,
                hosts=tuple(_host(name, site, next(numbers)) for name in names),
            )
            for site, names in _SITES.items()
        }

    def _build_store(self, name: str) -> Store:
        self.secrets[f"store.{name}"] = Secret(json.dumps({"access": name, "secret": "s3"}).encode())
        return Store(
            name=name,
            url="https://s3.example.test",
            region="rennes",
            bucket=name,
            place="rennes",
            residency=_PLACE,
            key=_sealed(f"store.{name}"),
        )

    def _build_signer(self, site: str) -> Signer:
        pair = keys.new_signing_keypair()
        self.secrets[f"{site}.signing"] = pair.private
        public = base64.b64encode(pair.public).decode()
        return Signer(site=site, public=public, private=_sealed(f"{site}.signing"))


def answer_line_by_line(host: FakeHost, spec: ContainerSpec, stdin: bytes) -> Iterable[bytes]:
    """The helper's jobs whose lines are read as they come; all other jobs are FakeHelpers'."""
    kind = read_job(BytesIO(stdin)).kind
    if kind == "stand-in":
        return stand_in(spec)
    assert kind == "survey"
    return [render_result({**host.ground}).encode()]


class SecretShelf(dict[str, Secret]):
    """Secrets by name; a copy of the company shares them, since a Secret cannot be copied."""

    def __deepcopy__(self, memo: object) -> SecretShelf:
        return self


class AnyApi(dict[str, Answer]):
    """Answers of all APIs: 200 where one runs at the address on its edge link, 503 elsewhere."""

    def __init__(self, hosts: Mapping[str, FakeHost]) -> None:
        super().__init__()
        self._hosts = hosts

    def get(self, target: str, default: Answer | None = None) -> Answer | None:  # type: ignore[override]
        address = target.partition(":")[0]
        for host in self._hosts.values():
            for container in host.world.running():
                links = container.attachments.values()
                if container.spec.name != EDGE and any(link.address == address for link in links):
                    return Answer(status=200, headers={"x-instance": container.spec.name})
        return default
