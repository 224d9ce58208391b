"""What an instance's isolation promises: for each who asks and each place, open or closed, and why. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

from drp.actions.build import EDGE_BLOCK, EGRESS_BLOCK, LINKS_OF, link_address, link_block
from drp.actions.guards import find_peers
from drp.actions.isolation_view import View
from drp.model.names import Instance, LinkRole, ServiceRole
from drp.model.reach import Cell, Expected, Place

SourceKind = Literal["api", "mongodb", "redis", "edge", "helper", "guard", "neighbour"]
Group = Literal[
    "mongodb", "redis", "api", "edge", "control", "other", "front", "published", "host", "store", "mail"
]  # fmt: skip

_HOST_PORTS: Final = (22, 2375, 2376)
_METADATA: Final = "169.254.169.254"
_DISCARD: Final = 9
_MAIL: Final = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """``group`` tells who may reach it; ``name`` is for people."""

    group: Group
    name: str
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A cell to be filled, and the place to ask at."""

    place: Place
    cell: Cell


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a kind of source shall find in a group of targets."""

    expected: Expected
    reason: str


_OPEN: Final[Mapping[tuple[SourceKind, Group], str]] = {
    ("api", "mongodb"): "an API works on its own database",
    ("api", "redis"): "an API works on its own cache",
    ("api", "control"): "datagrams pass on an own link",
    ("edge", "api"): "clients come in by the edge",
    ("helper", "mongodb"): "helpers work on the database",
    ("helper", "redis"): "helpers work on the cache",
    ("helper", "store"): "backups go to the store",
    ("guard", "store"): "guards ask the witness",
}
_NOT_ASKED: Final[frozenset[tuple[SourceKind, Group]]] = frozenset(
    {
        ("api", "api"), ("api", "edge"),
        ("mongodb", "mongodb"), ("mongodb", "api"), ("mongodb", "control"),
        ("redis", "redis"), ("redis", "api"), ("redis", "control"),
        ("edge", "edge"), ("edge", "front"), ("edge", "control"),
        ("helper", "api"), ("helper", "control"), ("guard", "control"),
        ("neighbour", "control"), ("neighbour", "other"), ("neighbour", "front"),
        ("neighbour", "published"), ("neighbour", "host"), ("neighbour", "store"),
        ("neighbour", "mail"), ("guard", "mail"), ("edge", "mail"),
    }
)  # fmt: skip
"""Own parts that share a link, and what a neighbour's own proof is about."""

_CLOSED: Final[Mapping[Group, str]] = {
    "mongodb": "data are for their own API",
    "redis": "data are for their own API",
    "api": "an API is for its edge",
    "edge": "links are apart",
    "control": "links are apart",
    "other": "another stack's data",
    "front": "another stack's API",
    "published": "no way out but the edge's own",
    "host": "nobody reaches hosts and what they run",
    "store": "stores are for helpers",
    "mail": "a drill writes to nobody",
}
_BUBBLE: Final[Mapping[tuple[SourceKind, Group], str]] = {("edge", "api"): "no edge leads into a drill"}
"""What is open elsewhere and closed where an instance is a drill's."""


def find_rule(kind: SourceKind, group: Group, *, is_drill: bool = False) -> Rule | None:
    """What the promise says of a kind of source and a group of targets; None: not asked."""
    if (kind, group) in _NOT_ASKED:
        return None
    if is_drill and (kind, group) in _BUBBLE:
        return Rule(expected="closed", reason=_BUBBLE[kind, group])
    reason = _OPEN.get((kind, group))
    return Rule(expected="open", reason=reason) if reason else Rule(expected="closed", reason=_CLOSED[group])


def expect(view: View, source: str, kind: SourceKind, *, resolve: Callable[[str], str]) -> list[Asked]:
    """Everything that is asked from one place; ``resolve`` turns a store's name into an address."""
    asked = []
    for target in list_targets(view, resolve=resolve):
        rule = find_rule(kind, target.group, is_drill=view.instance.is_drill)
        if rule is None or _is_permitted_way(view, kind, target.place):
            continue
        cell = Cell(
            source=source,
            target=target.name,
            place=str(target.place),
            expected=rule.expected,
            reason=rule.reason,
        )
        asked.append(Asked(place=target.place, cell=cell))
    return asked


def _is_permitted_way(view: View, kind: SourceKind, place: Place) -> bool:
    """An edge forwards to others by 443 on the public side, whoever they are; the guard asks its peers, and
    stands where helpers stand, so that no rule can tell them apart."""
    if place.transport != "tcp":
        return False
    if kind in ("helper", "guard"):
        return f"{place.address}:{place.port}" in find_peers(view.inventory, view.host)
    own = view.inventory.host(view.host).edge
    return kind == "edge" and place.port == 443 and place.address != own


def list_targets(view: View, *, resolve: Callable[[str], str]) -> list[Target]:
    """All that is asked for, by whom it may be."""
    return [
        *_own(view),
        *_neighbours(view),
        *_gateways(view),
        *_hosts(view),
        *_outside(view, resolve),
        *(_mail(view, resolve) if view.instance.is_drill else ()),
    ]


def _tcp(group: Group, name: str, address: str, port: int) -> Target:
    return Target(group=group, name=name, place=Place(transport="tcp", address=address, port=port))


def _udp(group: Group, name: str, address: str, port: int) -> Target:
    return Target(group=group, name=name, place=Place(transport="udp", address=address, port=port))


def _own(view: View) -> Iterator[Target]:
    services = view.inventory.tenants[view.instance.tenant].services
    data = link_address(view.links["data"], "mongodb")
    yield _tcp("mongodb", "own mongodb", data, services["mongodb"].port)
    yield _udp("control", "own mongodb", data, _DISCARD)
    cache = link_address(view.links["cache"], "redis")
    yield _tcp("redis", "own redis", cache, services["redis"].port)
    front = link_address(view.links["edge"], "api")
    yield _tcp("api", "own api", front, services["api"].port)
    yield _tcp("edge", "edge on the own link", link_address(view.links["edge"], "edge"), 443)


def _neighbours(view: View) -> Iterator[Target]:
    for instance in view.neighbour_stacks():
        for service, links in LINKS_OF.items():
            found = view.find(instance.container(service))
            for role in links:
                address = found.networks.get(instance.network(role), "") if found is not None else ""
                if address:
                    yield _neighbour(view, instance, service, role, address)
        yield from _neighbour_edge(view, instance)


def _neighbour(view: View, instance: Instance, service: ServiceRole, role: LinkRole, address: str) -> Target:
    tenant = view.inventory.tenants.get(instance.tenant) or view.inventory.tenants[view.instance.tenant]
    group: Group = "front" if role == "edge" else "other"
    return _tcp(group, instance.container(service), address, tenant.services[service].port)


def _neighbour_edge(view: View, instance: Instance) -> Iterator[Target]:
    link = next((n for n in view.networks if n.name == instance.network("edge")), None)
    if link is not None and link.subnet:
        yield _tcp("front", f"edge on the link of {instance}", link_address(link.subnet, "edge"), 443)


def _gateways(view: View) -> Iterator[Target]:
    host = view.inventory.host(view.host)
    blocks = {role: view.links[role] for role in view.links}
    named = {f"{role} link": cidr for role, cidr in blocks.items()}
    named |= {"edge": link_block(host, EDGE_BLOCK), "way out": link_block(host, EGRESS_BLOCK)}
    for name, cidr in named.items():
        address = str(ipaddress.ip_network(cidr).network_address + 1)
        for port in _HOST_PORTS:
            yield _tcp("host", f"gateway of the {name}", address, port)
        yield _udp("host", f"gateway of the {name}", address, 53)


def _hosts(view: View) -> Iterator[Target]:
    for host in view.inventory.hosts():
        engine = urlsplit(host.engine)
        for port in sorted({*_HOST_PORTS, engine.port or 0} - {0}):
            yield _tcp("host", f"engine of {host.name}", engine.hostname or "", port)
            yield _tcp("host", f"{host.name} in public", host.edge, port)
        for port in (80, 443):
            yield _tcp("published", f"edge of {host.name}", host.edge, port)
        yield _udp("host", f"{host.name} in public", host.edge, 53)


def _outside(view: View, resolve: Callable[[str], str]) -> Iterator[Target]:
    yield _tcp("host", "metadata of the provider", _METADATA, 80)
    for server in view.inventory.dns.servers:
        yield _tcp("host", "name server", server, 53)
        yield _udp("host", "name server", server, 53)
    for url in dict.fromkeys(store.url for store in view.inventory.stores.values()):
        name, port = store_place(url)
        yield _tcp("store", "object store", resolve(name), port)


def _mail(view: View, resolve: Callable[[str], str]) -> Iterator[Target]:
    """Whoever there is that a server might hand a letter to."""
    hosts = {host.name: host.edge for host in view.inventory.hosts()}
    servers = {f"name server {server}": server for server in view.inventory.dns.servers}
    stores = {
        f"store {name}": resolve(store_place(store.url)[0]) for name, store in view.inventory.stores.items()
    }
    gateways = {
        f"gateway of the {role} link": str(ipaddress.ip_network(cidr).network_address + 1)
        for role, cidr in view.links.items()
    }
    # several stores may have one address
    places = {address: name for name, address in (hosts | servers | stores | gateways).items()}
    for address, name in places.items():
        yield _tcp("mail", f"mail at {name}", address, _MAIL)


def store_place(url: str) -> tuple[str, int]:
    """Name or address, and port, of a store."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (80 if parts.scheme == "http" else 443)


def is_address(name: str) -> bool:
    """Whether it is an address and needs no name server."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
