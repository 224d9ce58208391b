"""Tenants that cannot have a place at home, whatever runs there now."""

from __future__ import annotations

from collections.abc import Iterator

from drp.config.nodes import entries, names, place_of, text
from drp.config.yaml import Node
from drp.errors import Problem
from drp.model.names import SERVICE_ROLES
from drp.model.values import parse_size, render_size


def check_homes(root: Node) -> Iterator[Problem]:
    """A tenant's home has hosts."""
    for tenant, node in entries(root, "tenants"):
        home = text(node, "home")
        if home in names(root, "sites") and not names(root, "sites", home, "hosts"):
            place = place_of(root, "tenants", tenant, "home")
            yield Problem(place, f"site '{home}' has no host, and it is the home of '{tenant}'")


def check_dedicated(root: Node) -> Iterator[Problem]:
    """Whoever has a host of his own leaves hosts for the others."""
    for site in names(root, "sites"):
        hosts = names(root, "sites", site, "hosts")
        here = [(tenant, node) for tenant, node in entries(root, "tenants") if text(node, "home") == site]
        alone = [tenant for tenant, node in here if text(node, "dedicated") == "true"]
        others = [tenant for tenant, _ in here if tenant not in alone]
        needed = len(alone) + (1 if others else 0)
        if hosts and alone and needed > len(hosts):
            place = place_of(root, "tenants", alone[-1], "dedicated")
            message = f"'{site}' has {len(hosts)} hosts, {needed} are needed: one each for {', '.join(alone)}"
            yield Problem(place, f"{message}{' and one for the others' if others else ''}")
        yield from _check_fixed(root, here, alone)


def check_memory(root: Node) -> Iterator[Problem]:
    """A tenant fits on some host of its home, and its services fit into the tenant."""
    for tenant, node in entries(root, "tenants"):
        memory, home = _size(text(node, "memory")), text(node, "home")
        if memory is None:
            continue
        sizes = [_size(text(host, "memory")) for _, host in entries(root, "sites", home, "hosts")]
        largest = max((size for size in sizes if size is not None), default=None)
        if largest is not None and memory > largest:
            message = f"'{tenant}' needs {render_size(memory)}, the largest host of '{home}' has"
            place = place_of(root, "tenants", tenant, "memory")
            yield Problem(place, f"{message} {render_size(largest)}")
        parts = [_size(text(node, "services", role, "memory")) for role in SERVICE_ROLES]
        total = sum(part for part in parts if part is not None)
        if total > memory:
            message = f"the services of '{tenant}' take {render_size(total)}, it has {render_size(memory)}"
            yield Problem(place_of(root, "tenants", tenant, "memory"), message)


def _check_fixed(root: Node, here: list[tuple[str, Node]], alone: list[str]) -> Iterator[Problem]:
    """Nobody is put on a host that is somebody's own."""
    owners = {text(node, "host"): tenant for tenant, node in here if tenant in alone and text(node, "host")}
    for tenant, node in here:
        host = text(node, "host")
        if host in owners and owners[host] != tenant:
            place = place_of(root, "tenants", tenant, "host")
            yield Problem(place, f"host '{host}' is dedicated to '{owners[host]}'")


def _size(written: str) -> int | None:
    try:
        return parse_size(written)
    except ValueError:
        return None
