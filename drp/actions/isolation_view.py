"""The host of an instance as the isolation proof sees it, and who stands where on it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from drp.actions.action import ReadPorts, WritePorts
from drp.actions.build import LINKS_OF
from drp.errors import VerificationError
from drp.model.inventory import Inventory
from drp.model.names import EDGE, LINK_ROLES, Instance, LinkRole
from drp.ports.hosts import ContainerState, NetworkState

_SAMPLE: Final = 3
"""So many containers of others ask, and so many of their stacks are asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What stands on the host. ``day`` turns the sample of neighbours, so that each has its turn."""

    inventory: Inventory
    instance: Instance
    host: str
    links: Mapping[LinkRole, str]
    containers: tuple[ContainerState, ...]
    networks: tuple[NetworkState, ...]
    day: str

    def find(self, name: str) -> ContainerState | None:
        return next((c for c in self.containers if c.name == name), None)

    def require(self, name: str) -> ContainerState:
        """A running container. Raises VerificationError."""
        found = self.find(name)
        if found is None or not found.running:
            raise VerificationError(
                f"cannot prove the isolation of '{self.instance}': container '{name}' does not run"
            )
        return found

    def intruders(self) -> list[tuple[ContainerState, LinkRole]]:
        """Containers, running or not, on a link where they have no place."""
        return [
            (container, role)
            for role in LINK_ROLES
            for container in self.containers
            if self.instance.network(role) in container.networks and not self._belongs(container, role)
        ]

    def _belongs(self, container: ContainerState, role: LinkRole) -> bool:
        services = [self.instance.container(service) for service, links in LINKS_OF.items() if role in links]
        if container.name in services or (role == "edge" and container.name == EDGE):
            return True
        ours = container.labels.get("drp.tenant") == self.instance.tenant
        return (
            ours
            and container.labels.get("drp.role") == "helper"
            and container.name.startswith(self.instance.helper(""))
        )

    def neighbours(self) -> list[ContainerState]:
        """Those that ask: running intruders, and a sample of other stacks' containers."""
        intruders = {c.id: c for c, _ in self.intruders() if c.running}
        others = [c for c in self._others() if c.id not in intruders]
        return [*intruders.values(), *sorted(others, key=self._turn)[:_SAMPLE]]

    def neighbour_stacks(self) -> list[Instance]:
        """Other instances on the host that are asked for: a sample."""
        names = {c.labels["drp.instance"] for c in self._others()}
        found = sorted((Instance.parse(name) for name in names), key=self._stack_turn)
        return found[:_SAMPLE]

    def _others(self) -> list[ContainerState]:
        """Running containers of other instances."""
        mine = str(self.instance)
        return [c for c in self.containers if c.running and c.labels.get("drp.instance", mine) != mine]

    def _turn(self, container: ContainerState) -> tuple[bool, str]:
        return self._is_stranger(container.labels.get("drp.tenant", "")), self._digest(container.name)

    def _stack_turn(self, other: Instance) -> tuple[bool, str]:
        return self._is_stranger(other.tenant), self._digest(str(other))

    def _is_stranger(self, tenant: str) -> bool:
        """A drill is held against what its tenant really has, whoever else has a turn."""
        return self.instance.is_drill and tenant != self.instance.tenant

    def _digest(self, name: str) -> str:
        return hashlib.sha256(f"{self.day} {name}".encode()).hexdigest()


def look_at(
    ports: ReadPorts | WritePorts, host: str, instance: Instance, links: Mapping[LinkRole, str]
) -> View:
    """Errors: those of the port."""
    reader = ports.host(host)
    return View(
        inventory=ports.inventory,
        instance=instance,
        host=host,
        links=links,
        containers=tuple(reader.containers({})),
        networks=tuple(reader.networks()),
        day=f"{ports.clock.now():%F}",
    )
