"""What the edges do with a tenant's requests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from drp.actions.action import Action, Call, Observation, ReadPorts, WritePorts
from drp.engine.tasks import Absent, Partial, Present
from drp.errors import DeadlineError, VerificationError
from drp.model.certificates import certificate_fingerprint
from drp.model.names import EDGE
from drp.model.values import JsonMap
from drp.ports.edges import Route, RouteKind
from drp.witness.epochs import EpochReader

_POLL = timedelta(seconds=0.1)
BAD_ANSWERS = frozenset({421, 502, 503, 504, 508})
"""What edges answer by themselves when no API stands behind them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeParams:
    host: str


class ConfigureEdge(Action[EdgeParams]):
    """Give the edge of a host its configuration before its first start."""

    name: ClassVar[str] = "edge.configure"
    params = EdgeParams

    def observe(self, ports: ReadPorts, params: EdgeParams, call: Call) -> Observation:
        found = ports.host(params.host).find_container(EDGE)
        return Present() if found is not None and ports.edge(params.host).is_installed() else Absent()

    def apply(self, ports: WritePorts, params: EdgeParams, call: Call) -> JsonMap:
        ports.edge(params.host).install()
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldParams:
    """``limit_s``: seconds a request may wait before it gets 503."""

    host: str
    names: tuple[str, ...]
    limit_s: float


class Hold(Action[HoldParams]):
    """Make new requests of the tenant wait at one edge. Undo lets them go on."""

    name: ClassVar[str] = "edge.hold"
    makes_wait: ClassVar[bool] = True
    params = HoldParams

    def observe(self, ports: ReadPorts, params: HoldParams, call: Call) -> Observation:
        found = _observe_all(ports.edge(params.host).is_held(name) for name in params.names)
        # an edge does not tell since when; after a crash the freeze is counted from the look
        return Present({"held_at": ports.clock.now().isoformat()}) if isinstance(found, Present) else found

    def apply(self, ports: WritePorts, params: HoldParams, call: Call) -> JsonMap:
        for name in params.names:
            ports.edge(params.host).hold(name, timedelta(seconds=params.limit_s))
        return {"held_at": ports.clock.now().isoformat()}

    def undo(self, ports: WritePorts, params: HoldParams, call: Call) -> None:
        for name in params.names:
            ports.edge(params.host).release(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamesParams:
    host: str
    names: tuple[str, ...]


class Release(Action[NamesParams]):
    """Let the waiting requests of the tenant go where the route says now."""

    name: ClassVar[str] = "edge.release"
    params = NamesParams

    def observe(self, ports: ReadPorts, params: NamesParams, call: Call) -> Observation:
        return _observe_all(not ports.edge(params.host).is_held(name) for name in params.names)

    def apply(self, ports: WritePorts, params: NamesParams, call: Call) -> JsonMap:
        for name in params.names:
            ports.edge(params.host).release(name)
        return {"released_at": ports.clock.now().isoformat()}


class Drain(Action[NamesParams]):
    """Wait until no request of the tenant is under way at one edge."""

    name: ClassVar[str] = "edge.drain"
    params = NamesParams
    read_only: ClassVar[bool] = True

    def observe(self, ports: ReadPorts, params: NamesParams, call: Call) -> Observation:
        return Absent() if self._in_flight(ports, params) else Present()

    def apply(self, ports: WritePorts, params: NamesParams, call: Call) -> JsonMap:
        ends = ports.clock.monotonic() + call.deadline_s
        while left := self._in_flight(ports, params):
            if ports.clock.monotonic() >= ends:
                raise DeadlineError(
                    f"cannot drain the edge of '{params.host}': {left} requests are still unanswered",
                    page="G17",
                )
            ports.clock.wait(_POLL)
        return {}

    @staticmethod
    def _in_flight(ports: ReadPorts | WritePorts, params: NamesParams) -> int:
        return sum(ports.edge(params.host).requests_in_flight(name) for name in params.names)


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteParams:
    """``kind`` local, edge, closed or none; ``owner`` the instance behind a local route.

    ``previous_*`` is what undo puts back.
    """

    host: str
    names: tuple[str, ...]
    kind: RouteKind | None
    target: str = ""
    owner: str = ""
    previous_kind: RouteKind | None = None
    previous_target: str = ""
    previous_owner: str = ""


def _route(kind: RouteKind | None, target: str, owner: str) -> Route | None:
    return None if kind is None else Route(kind, target, owner)


class SetRoute(Action[RouteParams]):
    """Say where one edge sends the tenant's requests."""

    name: ClassVar[str] = "edge.route"
    params = RouteParams

    def observe(self, ports: ReadPorts, params: RouteParams, call: Call) -> Observation:
        wanted = _route(params.kind, params.target, params.owner)
        return _observe_all(ports.edge(params.host).find_route(name) == wanted for name in params.names)

    def moved(self, ports: ReadPorts, params: RouteParams) -> str:
        """Nothing is known of what was there before when it was not planned to be put back."""
        previous = _route(params.previous_kind, params.previous_target, params.previous_owner)
        known = (previous, _route(params.kind, params.target, params.owner))
        for name in params.names if previous is not None else ():
            found = ports.edge(params.host).find_route(name)
            if found not in known:
                return f"the edge of {params.host} sends {name} {found or 'nowhere'}, planned {previous}"
        return ""

    def apply(self, ports: WritePorts, params: RouteParams, call: Call) -> JsonMap:
        self._set(ports, params, _route(params.kind, params.target, params.owner))
        return {"routed_at": ports.clock.now().isoformat()}

    def verify(self, ports: ReadPorts, params: RouteParams, call: Call, outputs: JsonMap) -> None:
        if not isinstance(self.observe(ports, params, call), Present):
            raise VerificationError(
                f"cannot route '{', '.join(params.names)}': the edge of '{params.host}' goes elsewhere"
            )

    def undo(self, ports: WritePorts, params: RouteParams, call: Call) -> None:
        self._set(ports, params, _route(params.previous_kind, params.previous_target, params.previous_owner))

    @staticmethod
    def _set(ports: WritePorts, params: RouteParams, route: Route | None) -> None:
        for name in params.names:
            ports.edge(params.host).set_route(name, route)


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeCertificateParams:
    host: str
    tenant: str


class SetCertificate(Action[EdgeCertificateParams]):
    """Give one edge the tenant's certificate and key. They stay: a second edge may serve at any time."""

    name: ClassVar[str] = "edge.certificate"
    params = EdgeCertificateParams

    def observe(self, ports: ReadPorts, params: EdgeCertificateParams, call: Call) -> Observation:
        tenant = ports.inventory.tenants[params.tenant]
        fingerprint = certificate_fingerprint(ports.secret(tenant.certificate))
        edge = ports.edge(params.host)
        return _observe_all(edge.has_certificate(name, fingerprint) for name in tenant.domains)

    def apply(self, ports: WritePorts, params: EdgeCertificateParams, call: Call) -> JsonMap:
        tenant = ports.inventory.tenants[params.tenant]
        pem = ports.secret(tenant.certificate)
        for name in tenant.domains:
            ports.edge(params.host).set_certificate(name, pem)
        return {"fingerprint": certificate_fingerprint(pem)}


@dataclass(frozen=True, slots=True, kw_only=True)
class HandshakeParams:
    """``address`` of an edge; the tenant's names are taken from the inventory."""

    address: str
    tenant: str


class CheckHandshake(Action[HandshakeParams]):
    """TLS handshake at one edge in each of the tenant's names, with the certificate it must have."""

    name: ClassVar[str] = "edge.handshake"
    params = HandshakeParams
    read_only: ClassVar[bool] = True

    def observe(self, ports: ReadPorts, params: HandshakeParams, call: Call) -> Observation:
        return Absent()

    def apply(self, ports: WritePorts, params: HandshakeParams, call: Call) -> JsonMap:
        tenant = ports.inventory.tenants[params.tenant]
        wanted = certificate_fingerprint(ports.secret(tenant.certificate))
        for name in tenant.domains:
            shown = ports.probes.handshake(params.address, 443, name)
            if shown.fingerprint != wanted:
                raise VerificationError(
                    f"cannot switch '{name}': the edge at {params.address} presents another certificate",
                    page="G13",
                )
        return {"fingerprint": wanted}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServesParams:
    address: str
    names: tuple[str, ...]
    path: str = "/"


class CheckServes(Action[ServesParams]):
    """Ask through one edge as a client does; the tenant's API must answer."""

    name: ClassVar[str] = "edge.serves"
    params = ServesParams
    read_only: ClassVar[bool] = True

    def observe(self, ports: ReadPorts, params: ServesParams, call: Call) -> Observation:
        return Absent()

    def apply(self, ports: WritePorts, params: ServesParams, call: Call) -> JsonMap:
        _check_answers(ports, params.address, params.names, params.path)
        return {"probed_at": ports.clock.now().isoformat()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Forwarded:
    """A tenant behind another edge, and the epoch under which it is to be served there."""

    name: str
    domains: tuple[str, ...]
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardsParams:
    address: str
    tenants: tuple[Forwarded, ...]


class CheckForwards(Action[ForwardsParams]):
    """Ask through one edge for every tenant behind another one; those that are served there must answer."""

    name: ClassVar[str] = "edge.forwards"
    params = ForwardsParams
    read_only: ClassVar[bool] = True

    def observe(self, ports: ReadPorts, params: ForwardsParams, call: Call) -> Observation:
        return Absent()

    def apply(self, ports: WritePorts, params: ForwardsParams, call: Call) -> JsonMap:
        epochs = EpochReader(ports.store(ports.inventory.witness))
        served = [
            tenant
            for tenant in params.tenants
            if (found := epochs.find_serving(tenant.name)) is not None and found.epoch == tenant.epoch
        ]
        for tenant in served:
            _check_answers(ports, params.address, tenant.domains, "/")
        return {"probed_at": ports.clock.now().isoformat(), "tenants": [tenant.name for tenant in served]}


def _check_answers(ports: WritePorts, address: str, names: Iterable[str], path: str) -> None:
    for name in names:
        answer = ports.probes.get(address, name, path, timedelta(seconds=5))
        if answer.status in BAD_ANSWERS:
            raise VerificationError(
                f"cannot reach '{name}' through {address}: the edge answered {answer.status}", page="G19"
            )


def _observe_all(facts: Iterable[bool]) -> Observation:
    known = list(facts)
    if all(known):
        return Present()
    return Partial(f"{sum(known)} of {len(known)} names") if any(known) else Absent()
