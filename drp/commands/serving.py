"""Who serves a tenant, on evidence: what the witness says, what the edges do, what a client sees.

A site serves when three agree: the witness holds its epoch as the serving one, its edge routes the tenant's
name to an API of its own host and no other edge does, and a request through that edge is answered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from drp.actions.action import ReadPorts
from drp.actions.orders import epochs
from drp.commands.events import NOBODY, UNKNOWN
from drp.commands.results import CLOSED, OPEN, SILENT, EdgeFact, Served
from drp.errors import DrpError, NotFoundError, UnreachableError
from drp.model.inventory import Tenant
from drp.ports.edges import Route
from drp.witness.epochs import Serving

_TIMEOUT: Final = timedelta(seconds=5)
_AT_ONCE: Final = 8
BAD_ANSWERS: Final = frozenset({421, 502, 503, 504, 508})
"""What edges answer by themselves when no API stands behind them."""


def find_served(ports: ReadPorts, tenant: Tenant) -> Served:
    """Never raises a ``DrpError``: what cannot be seen makes the answer ``unknown``, with the reason."""
    try:
        serving = epochs(ports).find_serving(tenant.name)
    except DrpError as error:
        return _unknown(ports, tenant, None, reason=error.message)
    return _find_served(ports, tenant, serving, look_at_edges(ports))


def find_all_served(
    ports: ReadPorts, tenants: Sequence[Tenant], edges: Mapping[str, Seen] | None = None
) -> dict[str, Served]:
    """The same for many; each edge is asked once, or ``edges`` is what was seen just now."""
    edges = look_at_edges(ports) if edges is None else edges

    def find(tenant: Tenant) -> Served:
        try:
            serving = epochs(ports).find_serving(tenant.name)
        except DrpError as error:
            return _unknown(ports, tenant, None, reason=error.message)
        return _find_served(ports, tenant, serving, edges)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(zip((tenant.name for tenant in tenants), pool.map(find, tenants), strict=True))


def look_at_edges(ports: ReadPorts) -> dict[str, Seen]:
    """Host -> what its edge does, or why that is not known. All at once: a dead host holds nobody up."""
    hosts = [host.name for host in ports.inventory.hosts()]
    with ThreadPoolExecutor(max(1, len(hosts))) as pool:
        return dict(zip(hosts, pool.map(lambda host: _look(ports, host), hosts), strict=True))


def judge_edges(ports: ReadPorts, edges: Mapping[str, Seen]) -> Iterator[EdgeFact]:
    """What each edge is like, in words that stand for one state each."""
    for host in ports.inventory.hosts():
        seen = edges[host.name]
        state = _judge_edge(seen)
        reason = seen.message if isinstance(seen, DrpError) else ""
        fenced = () if isinstance(seen, DrpError) else tuple(sorted(seen.fenced))
        yield EdgeFact(host=host.name, site=host.site, state=state, fenced=fenced, reason=reason)


def _judge_edge(seen: Seen) -> str:
    if isinstance(seen, UnreachableError):
        return SILENT
    if isinstance(seen, DrpError):
        return CLOSED
    own = {name for name, route in seen.routes.items() if route.kind == "local"}
    return CLOSED if own and own <= seen.fenced else OPEN


def _find_served(
    ports: ReadPorts, tenant: Tenant, serving: Serving | None, edges: Mapping[str, Seen]
) -> Served:
    routes = {host: _route_of(seen, tenant.domains[0]) for host, seen in edges.items()}
    if serving is None:
        return _judge_unserved(ports, tenant, routes)
    return _judge(ports, tenant, serving, routes=routes)


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeSeen:
    """``fenced``: names that its guard has closed, whatever their route says."""

    routes: Mapping[str, Route]
    fenced: frozenset[str]


Seen = EdgeSeen | DrpError
RouteSeen = Route | None | DrpError


def _look(ports: ReadPorts, host: str) -> Seen:
    try:
        return EdgeSeen(routes=ports.edge(host).routes(), fenced=ports.edge(host).fenced())
    except NotFoundError:
        return EdgeSeen(routes={}, fenced=frozenset())
    except DrpError as error:
        return error


def _route_of(seen: Seen, name: str) -> RouteSeen:
    if isinstance(seen, DrpError):
        return seen
    route = seen.routes.get(name)
    return Route("closed") if route is not None and route.kind == "local" and name in seen.fenced else route


def _judge_unserved(ports: ReadPorts, tenant: Tenant, routes: Mapping[str, RouteSeen]) -> Served:
    open_at = [host for host, route in routes.items() if isinstance(route, Route) and route.kind == "local"]
    silent = [route.message for route in routes.values() if isinstance(route, DrpError)]
    if open_at:
        reason = f"the witness knows of no site, but the edge of {open_at[0]} routes to an API"
        return _unknown(ports, tenant, None, reason=reason)
    if silent:
        return _unknown(ports, tenant, None, reason=silent[0])
    return Served(tenant=tenant.name, site=NOBODY, writes=False, probed=ports.clock.now())


def _judge(ports: ReadPorts, tenant: Tenant, serving: Serving, *, routes: Mapping[str, RouteSeen]) -> Served:
    reason = _find_doubt(serving, routes)
    if reason:
        return _unknown(ports, tenant, serving, reason=reason)
    try:
        writes = _is_answered(ports, tenant, serving)
    except DrpError as error:
        return _unknown(ports, tenant, serving, reason=error.message)
    return Served(
        tenant=tenant.name,
        site=serving.site,
        writes=writes,
        probed=ports.clock.now(),
        epoch=serving.epoch,
        host=serving.host,
    )


def _find_doubt(serving: Serving, routes: Mapping[str, RouteSeen]) -> str:
    """Why the edges do not confirm the witness, or ""."""
    own = routes.get(serving.host)
    if isinstance(own, DrpError):
        return own.message
    if own is None or own.kind != "local":
        where = "nowhere" if own is None else str(own)
        return f"the witness says {serving.site}, but the edge of {serving.host} routes to {where}"
    for host, route in routes.items():
        if host != serving.host and isinstance(route, Route) and route.kind == "local":
            return f"the witness says {serving.site}, but the edge of {host} routes to an API too"
    return ""


def _is_answered(ports: ReadPorts, tenant: Tenant, serving: Serving) -> bool:
    """True when the API answers; False while the edge holds requests. Raises what the ports raise."""
    if ports.edge(serving.host).is_held(tenant.domains[0]):
        return False
    address = ports.inventory.host(serving.host).edge
    answer = ports.probes.get(address, tenant.domains[0], "/", _TIMEOUT)
    if answer.status in BAD_ANSWERS:
        raise NotFoundError(
            f"cannot reach '{tenant.domains[0]}' at {address}: the edge answered {answer.status}", page="G19"
        )
    return True


def _unknown(ports: ReadPorts, tenant: Tenant, serving: Serving | None, *, reason: str) -> Served:
    return Served(
        tenant=tenant.name,
        site=UNKNOWN,
        writes=None,
        probed=ports.clock.now(),
        epoch=serving.epoch if serving else 0,
        host=serving.host if serving else "",
        reason=reason,
    )
