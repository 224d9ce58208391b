"""An edge in memory: routes, held names, certificates, counters."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from drp.errors import RejectedError, UnreachableError
from drp.model.names import GUARD
from drp.model.values import Json, Secret
from drp.ports.clock import Clock
from drp.ports.edges import Route
from drp.testing.certificates import is_for, names_of
from drp.testing.clock import ManualClock
from drp.testing.failures import Scripted
from drp.testing.hosts import FakeHost


class FakeEdge(Scripted):
    """One edge. Tests set ``in_flight`` and ``total`` by name; FakeProbes counts into ``total``."""

    def __init__(self, clock: Clock | None = None) -> None:
        """``clock``: by which it knows since when it runs, and when the last request of a name came."""
        super().__init__()
        self._clock = clock or ManualClock()
        self.started = self._clock.now()
        self.last: dict[str, datetime] = {}
        self.in_flight: dict[str, int] = {}
        self.total: dict[str, int] = {}
        self.certificates: dict[str, tuple[x509.Certificate, ...]] = {}
        """Name -> the chain presented for it, leaf first."""
        self.installed = False
        self._routes: dict[str, Route] = {}
        self._held: dict[str, timedelta] = {}
        self._until: datetime | None = None
        self.host: FakeHost | None = None
        """The host whose guard keeps the permission on, as long as its container runs."""
        self.fences: set[str] = set()
        """Names that a guard has closed."""

    @contextlib.contextmanager
    def _call(self, method: str) -> Iterator[None]:
        """An edge is reached through its host's engine."""
        if self.host is not None and not self.host.reachable:
            raise UnreachableError(f"cannot reach engine '{self.host.name}': no answer")
        with super()._call(method):
            yield

    def is_installed(self) -> bool:
        with self._call("is_installed"):
            return self.installed

    def install(self) -> None:
        with self._call("install"):
            self.installed = True

    def find_route(self, name: str) -> Route | None:
        with self._call("find_route"):
            return self._routes.get(name)

    def routes(self) -> dict[str, Route]:
        with self._call("routes"):
            return dict(self._routes)

    def is_held(self, name: str) -> bool:
        with self._call("is_held"):
            return name in self._held

    def permitted_until(self) -> datetime | None:
        with self._call("permitted_until"):
            guard = self.host.find_container(GUARD) if self.host else None
            if self.host is None or guard is None or not guard.running:
                return self._until
            return self.host.time + timedelta(seconds=15)

    def fenced(self) -> frozenset[str]:
        with self._call("fenced"):
            return frozenset(self.fences)

    def permit(self, until: datetime) -> None:
        with self._call("permit"):
            self._until = until

    def hold_limit(self, name: str) -> timedelta | None:
        """How long a request of the name waits at most, or None when it is not held (not in the port)."""
        return self._held.get(name)

    def requests_in_flight(self, name: str) -> int:
        with self._call("requests_in_flight"):
            return self.in_flight.get(name, 0)

    def requests_total(self, name: str) -> int:
        with self._call("requests_total"):
            return self.total.get(name, 0)

    def quiet_for(self, name: str) -> timedelta:
        with self._call("quiet_for"):
            return self._clock.now() - max(self.last.get(name, self.started), self.started)

    def count(self, name: str) -> None:
        """A request of the name is passed on (not in the port)."""
        self.total[name] = self.total.get(name, 0) + 1
        self.last[name] = self._clock.now()

    def has_certificate(self, name: str, fingerprint: str) -> bool:
        with self._call("has_certificate"):
            chain = self.certificates.get(name)
            return chain is not None and chain[0].fingerprint(hashes.SHA256()).hex() == fingerprint

    def set_route(self, name: str, route: Route | None) -> None:
        with self._call("set_route"):
            if route is not None and route.kind != "closed" and ":" not in route.target:
                raise RejectedError(f"cannot route to '{route.target}': it is no address and port")
            if route is None:
                self._routes.pop(name, None)
            else:
                self._routes[name] = route

    def hold(self, name: str, limit: timedelta) -> None:
        with self._call("hold"):
            self._held[name] = limit

    def release(self, name: str) -> None:
        with self._call("release"):
            self._held.pop(name, None)

    def set_certificate(self, name: str, pem: Secret) -> None:
        with self._call("set_certificate"):
            what = f"cannot install the certificate of '{name}'"
            try:
                chain = tuple(x509.load_pem_x509_certificates(pem.reveal()))
                key = load_pem_private_key(pem.reveal(), None)
            except ValueError:
                raise RejectedError(f"{what}: it is no PEM chain followed by its key") from None
            if key.public_key() != chain[0].public_key():
                raise RejectedError(f"{what}: the key is not that of the first certificate")
            if not is_for(chain[0], name):
                raise RejectedError(f"{what}: it is for {', '.join(names_of(chain[0]))}")
            self.certificates[name] = chain

    def remove_certificate(self, name: str) -> None:
        with self._call("remove_certificate"):
            self.certificates.pop(name, None)

    def dump(self) -> Json:
        """Routes, held names with their limits in seconds, certificates by fingerprint."""
        return {
            "routes": {name: str(route) for name, route in sorted(self._routes.items())},
            "held": {name: limit.total_seconds() for name, limit in sorted(self._held.items())},
            "certificates": {
                name: chain[0].fingerprint(hashes.SHA256()).hex()
                for name, chain in sorted(self.certificates.items())
            },
        }
