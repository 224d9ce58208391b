"""Who reaches whom between the fakes' containers: the jobs of probes, answered from the hosts' networks."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from drp.actions.guards import find_peers
from drp.dataplane.wire import Progress, render_progress, render_result
from drp.errors import BugError, UnreachableError
from drp.model.inventory import Inventory
from drp.model.names import EDGE, EGRESS
from drp.model.reach import Found
from drp.model.specs import ContainerSpec
from drp.model.values import Json, JsonMap
from drp.ports.helpers import Job
from drp.testing.host_world import FakeContainer
from drp.testing.hosts import FakeHost

STORE_ADDRESS: Final = "203.0.113.20"
"""Where all names of stores lead."""
_STORE_PORT: Final = 443

_STAND_IN: Final = "-helper-reach-api"


class FakeReach:
    """A network as the hosts' firewall leaves it. ``no_firewall``: hosts on which it is missing."""

    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory
        self.no_firewall: set[str] = set()
        self.down: set[str] = set()
        """Addresses of edges that do not answer."""

    def reach(self, host: FakeHost, spec: ContainerSpec, job: Job) -> JsonMap:
        """Answers the job of that name."""
        questions = job.params["questions"]
        assert isinstance(questions, list)
        asked = [question for question in questions if isinstance(question, dict)]
        addresses = [self._resolve(str(question["address"])) for question in asked]
        with host.standing_still():
            inside = _networks_of(host, spec)
            found: list[Json] = [
                self._find(host, inside, address, int(str(question["port"])))
                for address, question in zip(addresses, asked, strict=True)
            ]
        listed: list[Json] = [*addresses]
        return {"found": found, "addresses": listed, "ipv6": []}

    def _resolve(self, name: str) -> str:
        names = {urlsplit(store.url).hostname for store in self.inventory.stores.values()}
        return STORE_ADDRESS if name in names else name

    def _find(self, host: FakeHost, inside: set[str], address: str, port: int) -> Found:
        for name in inside:
            network = host.world.networks[name]
            owner = next((who for who, where in network.members.items() if where == address), None)
            if owner is not None and network.spec.talk:
                return "open" if port in self._listens(host.world.containers[owner]) else "refused"
        if address == STORE_ADDRESS:
            return "open" if EGRESS in inside and port == _STORE_PORT else "closed"
        if EGRESS in inside and f"{address}:{port}" in find_peers(self.inventory, host.name):
            return "closed" if address in self.down else "open"
        routed = any(not host.world.networks[name].spec.internal for name in inside)
        unguarded = host.name in self.no_firewall and routed and address in self._host_addresses(host)
        return "refused" if unguarded else "closed"

    def _listens(self, container: FakeContainer) -> set[int]:
        if container.spec.name == EDGE:
            return {80, 443}
        tenant = self.inventory.tenants.get(container.spec.labels.get("drp.tenant", ""))
        if tenant is None:
            return set()
        role = container.spec.labels["drp.role"]
        if container.spec.name.endswith(_STAND_IN):
            role = "api"
        return {service.port for service in tenant.services.values() if service.role == role}

    def _host_addresses(self, host: FakeHost) -> set[str]:
        found = self.inventory.host(host.name)
        blocks = (network.spec for network in host.world.networks.values() if network.spec.host_address)
        gateways = {str(ipaddress.ip_network(spec.subnet)[1]) for spec in blocks}
        return {found.edge, urlsplit(found.engine).hostname or "", *gateways}


def _networks_of(host: FakeHost, spec: ContainerSpec) -> set[str]:
    if not spec.join:
        return {link.network for link in spec.attachments}
    joined = host.world.find_joined(spec.join)
    if joined is None:
        raise UnreachableError(f"cannot run '{spec.name}': no container '{spec.join}'")
    return set(joined.attachments)


def stand_in(spec: ContainerSpec) -> Iterator[bytes]:
    """What a container says that stands in for an API: it listens now; how it ended."""
    if not spec.name.endswith(_STAND_IN):
        raise BugError(f"cannot stand in as '{spec.name}': the fake would not find what it listens on")
    yield render_progress(Progress(done=0, total=0, unit="bytes")).encode()
    yield render_result({"taken": 0}).encode()
