"""What is wrong between entries: each check looks at the resolved tree and yields problems.

They look at the tree and not at typed settings, so that one wrong value does not hide what is wrong
elsewhere; values that cannot be read are passed over here, for ``problems`` has them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from drp.config.checks_network import (
    check_addresses,
    check_aliases,
    check_dns,
    check_domains,
    check_subnets,
    find_site_of,
)
from drp.config.checks_placement import check_dedicated, check_homes, check_memory
from drp.config.nodes import entries, find, names, place_of, text, texts
from drp.config.yaml import Node
from drp.errors import Place, Problem

Check: TypeAlias = Callable[[Node], Iterator[Problem]]


def check_references(root: Node) -> Iterator[Problem]:
    """Sites and stores that are named exist."""
    sites, stores = names(root, "sites"), names(root, "stores")
    for site in names(root, "signers"):
        if site not in sites:
            yield _unknown("site", site, sites, place=place_of(root, "signers", site))
    if (witness := text(root, "witness")) and witness not in stores:
        yield _unknown("store", witness, stores, place=place_of(root, "witness"))
    for index, node in enumerate(texts(root, "bundle", "stores")):
        if node.value not in stores:
            place = place_of(root, "bundle", "stores", index)
            yield _unknown("store", str(node.value), stores, place=place)
    for tenant in names(root, "tenants"):
        home = text(root, "tenants", tenant, "home")
        if home and home not in sites:
            yield _unknown("site", home, sites, place=place_of(root, "tenants", tenant, "home"))
        for key in ("store", "keys"):
            path = ("tenants", tenant, "backup", key)
            if (store := text(root, *path)) and store not in stores:
                yield _unknown("store", store, stores, place=place_of(root, *path))


def check_drills(root: Node) -> Iterator[Problem]:
    """A drill is at a site there is, and no two have one name."""
    listed, sites = find(root, "drills"), names(root, "sites")
    seen: set[str] = set()
    for index, drill in enumerate(listed.value if listed and isinstance(listed.value, list) else []):
        site, name = text(drill, "site"), text(drill, "name") or f"config-{index + 1}"
        if site and site not in sites:
            yield _unknown("site", site, sites, place=place_of(root, "drills", index, "site"))
        if name in seen:
            yield Problem(place_of(root, "drills", index), f"drill '{name}' is here twice")
        seen.add(name)


def check_hosts(root: Node) -> Iterator[Problem]:
    """Host names are unique over all sites, and a tenant's host is at its home."""
    sites: dict[str, str] = {}
    for site in names(root, "sites"):
        for host in names(root, "sites", site, "hosts"):
            if host in sites:
                place = place_of(root, "sites", site, "hosts", host)
                yield Problem(place, f"host '{host}' is in '{sites[host]}' already")
            sites.setdefault(host, site)
    for tenant in names(root, "tenants"):
        yield from _check_fixed_host(root, tenant, sites)


def check_witness(root: Node) -> Iterator[Problem]:
    """What remembers who owns a tenant must not die with a site, by its place or by its address."""
    witness = text(root, "witness")
    cannot = f"cannot use store '{witness}': it is in"
    place = text(root, "stores", witness, "place")
    for site, node in entries(root, "sites"):
        if place and place in (site, text(node, "building")):
            yield Problem(
                place_of(root, "stores", witness, "place"),
                f"{cannot} '{site}', the site that may fail",
                "Set `place` outside all sites.",
            )
    server = urlsplit(text(root, "stores", witness, "url")).hostname or ""
    site = find_site_of(root, server)
    if site:
        yield Problem(
            place_of(root, "stores", witness, "url"),
            f"{cannot} '{site}', the site that may fail: {server} is there",
            "Keep the witness outside all sites.",
        )


def check_stores(root: Node) -> Iterator[Problem]:
    """No bucket has two names, and keys of backups lie apart from their data."""
    buckets: dict[tuple[str, str], str] = {}
    for name, store in entries(root, "stores"):
        bucket = (text(store, "url").rstrip("/"), text(store, "bucket"))
        if all(bucket) and bucket in buckets:
            place = place_of(root, "stores", name, "bucket")
            yield Problem(place, f"stores '{buckets[bucket]}' and '{name}' are one bucket")
        buckets.setdefault(bucket, name)
    for tenant in names(root, "tenants"):
        data, keys = (text(root, "tenants", tenant, "backup", key) for key in ("store", "keys"))
        if data and data == keys:
            yield Problem(
                place_of(root, "tenants", tenant, "backup", "keys"),
                f"cannot keep the keys of backups in store '{keys}': the backups are there",
                "Name another store in `backup.keys`: who has the data must not have the keys.",
            )


def check_accounts(root: Node) -> Iterator[Problem]:
    """The API needs an account, and no account is named twice."""
    for tenant in names(root, "tenants"):
        listed = find(root, "tenants", tenant, "accounts")
        if listed is None or not isinstance(listed.value, list):
            continue
        place = place_of(root, "tenants", tenant, "accounts")
        if not listed.value:
            yield Problem(place, "there is no account for the API")
        seen: set[str] = set()
        for index, account in enumerate(listed.value):
            name = text(account, "name")
            if name in seen:
                at = place_of(root, "tenants", tenant, "accounts", index, "name")
                yield Problem(at, f"account '{name}' is here twice")
            seen.add(name)


def check_bundle(root: Node) -> Iterator[Problem]:
    """What is meant for the day on which a site is lost does not lie there alone."""
    places = {text(root, "stores", str(node.value), "place") for node in texts(root, "bundle", "stores")}
    for site, node in entries(root, "sites"):
        if places and places <= {site, text(node, "building")} - {""}:
            yield Problem(
                place_of(root, "bundle", "stores"),
                f"cannot keep the bundle in '{site}' alone: it is lost with it",
                "Name a store that stands elsewhere, too.",
            )


CHECKS: Final[tuple[Check, ...]] = (
    check_references,
    check_hosts,
    check_drills,
    check_witness,
    check_stores,
    check_bundle,
    check_accounts,
    check_dns,
    check_aliases,
    check_domains,
    check_addresses,
    check_subnets,
    check_homes,
    check_dedicated,
    check_memory,
)


def check_tree(root: Node) -> list[Problem]:
    """Everything that is wrong between entries."""
    found = (problem for check in CHECKS for problem in check(root))
    return list(dict.fromkeys(found))


def _unknown(kind: str, name: str, known: list[str], *, place: Place) -> Problem:
    listed = f"; known: {', '.join(known)}" if known else ""
    return Problem(place, f"unknown {kind} '{name}'{listed}")


def _check_fixed_host(root: Node, tenant: str, sites: dict[str, str]) -> Iterator[Problem]:
    host, home = (text(root, "tenants", tenant, key) for key in ("host", "home"))
    if not host:
        return
    place = place_of(root, "tenants", tenant, "host")
    if host not in sites:
        yield _unknown("host", host, list(sites), place=place)
    elif home and sites[host] != home:
        yield Problem(place, f"host '{host}' is in '{sites[host]}', not in '{home}', the home of '{tenant}'")
