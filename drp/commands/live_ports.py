"""The ports of the real world: built from the inventory at their first use, then shared by all threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from drp.actions.build import EDGE_UID
from drp.actions.prober import Prober
from drp.model.inventory import Inventory, SecretRef
from drp.model.values import Secret
from drp.ports.clock import Clock
from drp.ports.dns import Dns
from drp.ports.helpers import Helpers
from drp.ports.probes import Probes
from drp.providers.clock import SystemClock
from drp.providers.dns.rfc2136 import Rfc2136Dns
from drp.providers.docker.engine import Engine
from drp.providers.docker.helpers import DockerHelpers
from drp.providers.docker.host import DockerHost
from drp.providers.docker.tls import parse_material
from drp.providers.edge.config import EdgeSettings
from drp.providers.edge.haproxy import HaproxyEdge
from drp.providers.objects.s3 import S3Objects
from drp.providers.probes import NetworkProbes

if TYPE_CHECKING:
    from drp.providers.dns.cloudflare import CloudflareDns

T = TypeVar("T")

_CLOUDFLARE: Final = "drp.providers.dns.cloudflare"
"""Imported where it is used: its SDK takes most of a second, which no other command should wait for."""

_PATIENCE_S = 60
"""How long an edge waits for an answer, beside the time for which a request may be held."""


class LivePorts:
    """Both halves of an action's ports. Names are those of the configuration.

    ``headers`` go with every call of an engine.
    """

    def __init__(
        self,
        inventory: Inventory,
        resolve: Callable[[SecretRef], Secret],
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.inventory = inventory
        self._headers = dict(headers or {})
        self.clock: Clock = SystemClock()
        self.probes: Probes = NetworkProbes(inventory.edge_ca)
        self.helpers: Helpers = DockerHelpers(self.host)
        self.prober = Prober(inventory, self.helpers, self.host)
        self._resolve = resolve
        self._made: dict[str, Any] = {}
        # One port may need another while it is made: an edge needs its host.
        self._lock = threading.RLock()

    def for_run(self, run: str, epoch: int) -> LivePorts:
        """Ports of their own for a run: every engine is told the run and the number of its lease.

        So whoever stands before an engine can refuse a run whose lease another one has taken over.
        """
        return LivePorts(self.inventory, self._resolve, headers={"X-Drp-Run": run, "X-Drp-Epoch": str(epoch)})

    def host(self, name: str) -> DockerHost:
        return self._once(f"host {name}", lambda: self._build_host(name))

    def edge(self, host: str) -> HaproxyEdge:
        return self._once(f"edge {host}", lambda: HaproxyEdge(self.host(host), self._edge_settings()))

    def dns(self) -> Dns:
        return self._once("dns", self._build_dns)

    def store(self, name: str) -> S3Objects:
        found = self.inventory.stores[name]
        return self._once(f"store {name}", lambda: S3Objects(found, self.secret(found.key)))

    def secret(self, ref: SecretRef) -> Secret:
        return self._resolve(ref)

    def _build_dns(self) -> Dns:
        zone = self.inventory.dns
        if zone.kind == "rfc2136":
            return Rfc2136Dns(zone, self.secret(zone.key))
        build: type[CloudflareDns] = import_module(_CLOUDFLARE).CloudflareDns
        aliases = [site.alias for site in self.inventory.sites.values()]
        return build(zone, self.secret(zone.key), aliases=aliases, timezone=self.inventory.timezone)

    def _build_host(self, name: str) -> DockerHost:
        found = self.inventory.host(name)
        tls = parse_material(self.secret(found.tls))
        return DockerHost(Engine(name, found.engine, tls=tls, headers=self._headers))

    def _edge_settings(self) -> EdgeSettings:
        peers = tuple(host.edge for host in self.inventory.hosts())
        longest = max((t.freeze.total_seconds() for t in self.inventory.tenants.values()), default=0.0)
        # an edge that forwards must not give up while another one holds the request
        return EdgeSettings(
            authorities=self.inventory.edge_ca, peers=peers, uid=EDGE_UID, idle_s=int(longest) + _PATIENCE_S
        )

    def _once(self, key: str, make: Callable[[], T]) -> T:
        with self._lock:
            if key not in self._made:
                self._made[key] = make()
            found = self._made[key]
        return cast(T, found)
