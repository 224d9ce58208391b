"""Names, addresses and networks that must not meet."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Final

from drp.config.nodes import entries, find, names, place_of, text, texts
from drp.config.yaml import Node
from drp.errors import Place, Problem
from drp.model.values import parse_duration

_LEAST_TTL: Final = 30
_MOST_TTL: Final = 86400


def check_dns(root: Node) -> Iterator[Problem]:
    """There is one zone, and its TTL is not shorter in quiet times than in a move."""
    zones = names(root, "dns")
    for name in zones[1:]:
        place = place_of(root, "dns", name)
        yield Problem(place, f"cannot use zone '{name}' beside '{zones[0]}': one zone holds all names")
    for name in zones[:1]:
        quiet, moving = (_seconds(text(root, "dns", name, key)) for key in ("ttl", "move-ttl"))
        if quiet and moving and moving > quiet:
            place = place_of(root, "dns", name, "move-ttl")
            yield Problem(place, "`move-ttl` is longer than `ttl`: a move would be slower, not faster")
        if not texts(root, "dns", name, "servers"):
            yield Problem(place_of(root, "dns", name, "servers"), f"zone '{name}' has no server")
        if text(root, "dns", name, "kind") == "cloudflare":
            yield from _check_cloudflare(root, name)


def _check_cloudflare(root: Node, name: str) -> Iterator[Problem]:
    for key in ("ttl", "move-ttl"):
        seconds = _seconds(text(root, "dns", name, key))
        if seconds and not _LEAST_TTL <= seconds <= _MOST_TTL:
            message = f"`{key}` is {seconds:g} s: Cloudflare takes {_LEAST_TTL} s to {_MOST_TTL} s"
            hint = "Below 60 s in Enterprise zones only; `drp check dns` tries it."
            yield Problem(place_of(root, "dns", name, key), message, hint)


def check_aliases(root: Node) -> Iterator[Problem]:
    """Each site has a name of its own in the zone."""
    seen: dict[str, str] = {}
    zone = _zone(root)
    for site in names(root, "sites"):
        alias = _domain(text(root, "sites", site, "alias"))
        place = place_of(root, "sites", site, "alias")
        if alias and not _is_below(alias, zone):
            yield Problem(place, f"alias '{alias}' is not in zone '{zone}'")
        if alias and alias in seen:
            yield Problem(place, f"alias '{alias}' is that of '{seen[alias]}' already")
        seen.setdefault(alias, site)


def check_domains(root: Node) -> Iterator[Problem]:
    """Each domain is in the zone and leads to one tenant."""
    zone = _zone(root)
    aliases = {_domain(text(site, "alias")): name for name, site in entries(root, "sites")}
    owners: dict[str, tuple[str, Place]] = {}
    for tenant, node in entries(root, "tenants"):
        listed = texts(node, "domains")
        written = find(node, "domains")
        if written is not None and written.value == []:
            yield Problem(place_of(root, "tenants", tenant, "domains"), f"tenant '{tenant}' has no domain")
        for item in listed:
            domain = _domain(str(item.value))
            yield from _check_domain(domain, item.place, zone=zone, aliases=aliases)
            if domain in owners:
                owner, place = owners[domain]
                message = f"domain '{domain}' belongs to '{owner}' already"
                yield Problem(item.place, message, f"It is also at {place}.")
            owners.setdefault(domain, (tenant, item.place))


def check_addresses(root: Node) -> Iterator[Problem]:
    """No two edges and no two engines have one address."""
    for key in ("edge", "engine"):
        seen: dict[str, str] = {}
        for site, host, node in _hosts(root):
            address = text(node, key)
            if address and address in seen:
                place = place_of(root, "sites", site, "hosts", host, key)
                yield Problem(place, f"{key} '{address}' is that of host '{seen[address]}' already")
            seen.setdefault(address, host)


def check_subnets(root: Node) -> Iterator[Problem]:
    """The links' networks of no two hosts overlap, nor do they hold an address of a host."""
    subnets = [
        (network, place_of(root, "sites", site, "hosts", host, "subnets"), host)
        for site, host, node in _hosts(root)
        if (network := _network(text(node, "subnets"))) is not None
    ]
    subnets.sort(key=lambda found: (int(found[0].network_address), found[0].prefixlen))
    widest = subnets[0] if subnets else None
    for found in subnets[1:]:
        assert widest is not None
        if found[0].overlaps(widest[0]):
            message = f"subnets '{found[0]}' of '{found[2]}' overlap '{widest[0]}' of '{widest[2]}'"
            yield Problem(found[1], message, f"They are also at {widest[1]}.")
        if found[0].broadcast_address > widest[0].broadcast_address:
            widest = found
    yield from _check_outside(root, [network for network, _, _ in subnets])


def find_site_of(root: Node, server: str) -> str:
    """The site to which an address (or the site's own name in the zone) belongs, or ""."""
    address = _address(server)
    for site, node in entries(root, "sites"):
        if server and _domain(text(node, "alias")) == server:
            return site
        for _, host in entries(node, "hosts"):
            own = {_address(text(host, key)) for key in ("edge", "engine")} - {None}
            network = _network(text(host, "subnets"))
            if address is not None and (address in own or (network is not None and address in network)):
                return site
    return ""


def _check_outside(root: Node, subnets: list[ipaddress.IPv4Network]) -> Iterator[Problem]:
    for site, host, node in _hosts(root):
        for key in ("edge", "engine"):
            address = _address(text(node, key))
            inside = next((net for net in subnets if address is not None and address in net), None)
            if inside is not None:
                place = place_of(root, "sites", site, "hosts", host, key)
                yield Problem(place, f"{key} '{address}' is in '{inside}', which is for the links of tenants")


def _check_domain(domain: str, place: Place, *, zone: str, aliases: dict[str, str]) -> Iterator[Problem]:
    if domain == zone:
        yield Problem(place, f"cannot use domain '{domain}': the zone's own name cannot lead elsewhere")
    elif not _is_below(domain, zone):
        yield Problem(place, f"domain '{domain}' is not in zone '{zone}'")
    if domain in aliases:
        yield Problem(place, f"domain '{domain}' is the alias of site '{aliases[domain]}'")


def _hosts(root: Node) -> Iterator[tuple[str, str, Node]]:
    for site, node in entries(root, "sites"):
        for host, found in entries(node, "hosts"):
            yield site, host, found


def _zone(root: Node) -> str:
    """The first zone, "" when there is none (then nothing is said about names)."""
    return next((_domain(text(dns, "zone")) for _, dns in entries(root, "dns")), "")


def _domain(written: str) -> str:
    return written.removesuffix(".")


def _is_below(name: str, zone: str) -> bool:
    return not zone or name.endswith(f".{zone}")


def _network(written: str) -> ipaddress.IPv4Network | None:
    try:
        return ipaddress.IPv4Network(written)
    except ValueError:
        return None


def _address(written: str) -> ipaddress.IPv4Address | None:
    host = written.removeprefix("tcp://").partition(":")[0]
    try:
        return ipaddress.IPv4Address(host)
    except ValueError:
        return None


def _seconds(written: str) -> float | None:
    try:
        return parse_duration(written).total_seconds()
    except ValueError:
        return None
