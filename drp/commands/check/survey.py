"""What several looks want to know of the world: asked once, and a refusal is remembered as well."""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from drp.actions import build
from drp.actions.action import WritePorts
from drp.actions.checks import ClockReading, read_clock
from drp.actions.orders import epochs
from drp.actions.placement import Occupancy, find_occupancy
from drp.commands.backups.newest import find_backup
from drp.commands.results import BackupFact
from drp.dataplane.wire import decode_output, encode_job
from drp.errors import DrpError
from drp.model.inventory import Host, Inventory, Site, Tenant
from drp.model.names import ServiceRole
from drp.ports.hosts import HostState
from drp.witness.epochs import Serving
from drp.witness.leases import IsAlive
from drp.witness.proofs import Proof, ProofReader

T = TypeVar("T")

CANARY: Final = "drp-canary"
"""First part of the name of everything a check writes; it takes it away again."""
LOOK_DEADLINE: Final = timedelta(seconds=30)
_STAMP: Final = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What only a program on the host can see. ``routes`` maps a network (CIDR) to its interface."""

    free_bytes: int
    total_bytes: int
    routes: dict[str, str]


class Survey:
    """The world of one check. ``token`` makes the names of its canaries its own."""

    def __init__(self, ports: WritePorts, *, is_alive: IsAlive) -> None:
        self.ports = ports
        self.is_alive = is_alive
        self.token = f"{ports.clock.now().astimezone(UTC):{_STAMP}}-{secrets.token_hex(4)}"
        self._known: dict[object, tuple[Any, DrpError | None]] = {}
        self._locks: dict[object, threading.Lock] = {}
        self._lock = threading.Lock()

    @property
    def inventory(self) -> Inventory:
        return self.ports.inventory

    def clock(self, host: str) -> ClockReading:
        """The engine as it describes itself, and its clock; every look at a host begins here."""
        return self._once(("clock", host), lambda: read_clock(self.ports, host))

    def state(self, host: str) -> HostState:
        return self.clock(host).state

    def occupancy(self, host: Host) -> Occupancy:
        self.state(host.name)
        return self._once(("occupancy", host.name), lambda: find_occupancy(host, self.ports.host(host.name)))

    def ground(self, host: str) -> Ground:
        """Raises NotFoundError when the image of helpers is not on the host."""
        self.state(host)
        return self._once(("ground", host), lambda: self._look(host))

    def serving(self, tenant: str) -> Serving | None:
        return self._once(("serving", tenant), lambda: epochs(self.ports).find_serving(tenant))

    def backup(self, tenant: str) -> BackupFact:
        """The newest that a restore would take."""
        known = self.inventory.tenants[tenant]
        return self._once(("backup", tenant), lambda: find_backup(self.ports, known))

    def proof(self, tenant: str) -> Proof | None:
        """How the last drill of the tenant ended."""
        reader = ProofReader(self.ports.store(self.inventory.witness))
        return self._once(("proof", tenant), lambda: reader.find_newest(tenant))

    def comers(self, site: Site) -> list[Tenant]:
        """Tenants that other sites serve (or would): the site may have to take them."""
        found = []
        for tenant in self.inventory.tenants.values():
            serving = self.serving(tenant.name)
            if (tenant.home if serving is None else serving.site) != site.name:
                found.append(tenant)
        return found

    def needed_images(self, site: Site) -> dict[str, list[str]]:
        """Image ID -> who needs it at the site, as ``acme/mongodb``; drp's own containers first."""
        own = self.inventory.images
        needed: dict[str, list[str]] = {own.helper: ["helper"], own.edge: ["edge"]}
        for tenant in self.comers(site):
            for role in ("mongodb", "redis", "api"):
                image = tenant.services[_role(role)].image
                needed.setdefault(image, []).append(f"{tenant.name}/{role}")
        return needed

    def missing_images(self, site: Site, host: str) -> list[list[str]]:
        """Of each image that a host of the site lacks: who needs it, as in ``needed_images``."""
        self.state(host)
        return self._once(("images", host), lambda: self._find_missing(site, host))

    def _find_missing(self, site: Site, host: str) -> list[list[str]]:
        reader = self.ports.host(host)
        return [who for image, who in self.needed_images(site).items() if not reader.has_image(image)]

    def is_stale(self, text: str) -> bool:
        """True for a canary (by its token) that no check can still be busy with."""
        try:
            made = datetime.strptime(text.partition("-")[0], _STAMP).replace(tzinfo=UTC)
        except ValueError:
            return False
        return self.ports.clock.now() - made > timedelta(hours=1)

    def _look(self, host: str) -> Ground:
        name = f"{CANARY}-look-{self.token.rpartition('-')[2]}"
        spec = build.helper_container(self.inventory, name, tenant="-", attachments=())
        job = encode_job("survey", {"path": "/"}, {})
        with contextlib.closing(self.ports.host(host).look_once(spec, job, LOOK_DEADLINE)) as lines:
            told: Any = decode_output(lines, lambda _progress: None)
        routes = {str(route["network"]): str(route["interface"]) for route in told["routes"]}
        return Ground(free_bytes=told["free_bytes"], total_bytes=told["total_bytes"], routes=routes)

    def _once(self, key: object, ask: Callable[[], T]) -> T:
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            if key not in self._known:
                try:
                    self._known[key] = ask(), None
                except DrpError as error:
                    self._known[key] = None, error
        found, refusal = self._known[key]
        if refusal is not None:
            raise refusal
        answer: T = found
        return answer


def _role(name: str) -> ServiceRole:
    return name  # type: ignore[return-value]
