"""Puts the defaults in: what a tenant does not state comes from ``defaults``, ``services`` and from here.

The result is a tree in which every value that counts has a node; what nobody wrote has the place
``BUILT_IN``. So the checks, ``drp config show`` and the inventory all see the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, Final

from drp.config.nodes import BUILT_IN, build_node, entries, find, key_place, names, text, with_entry
from drp.config.schema import DefaultSettings, RootSettings, SharedSettings
from drp.config.settings import Settings, about
from drp.config.shapes import keys_of, shape_of
from drp.config.yaml import Node
from drp.model.names import SERVICE_ROLES, ServiceRole
from drp.model.values import parse_size

_ROLES: Final[Mapping[ServiceRole, Mapping[str, Any]]] = {
    "mongodb": {"command": [], "uid": "4001", "port": "27017", "pids": "4096", "data": "/data/db"},
    "redis": {"command": [], "uid": "4002", "port": "6379", "pids": "256", "data": "/data"},
    "api": {"command": [], "uid": "4003", "port": "8080", "pids": "512", "data": "none"},
}
_MEMORY_SHARES: Final[Mapping[ServiceRole, Fraction]] = {
    "mongodb": Fraction(1, 2),
    "redis": Fraction(1, 8),
    "api": Fraction(3, 8),
}
_BACKUP_STORES: Final = {"store": "backups", "keys": "keys"}


def resolve(root: Node) -> Node:
    """The tree as written -> the tree that counts."""
    stores = names(root, "stores")
    root = _add(root, {"signers": {site: {} for site in names(root, "sites")}})
    root = _add(root, {"backup": {key: name for key, name in _BACKUP_STORES.items() if name in stores}})
    root = _each(root, "sites", lambda name, site: _site(name, site, zone=_zone(root)))
    root = _each(root, "signers", _signer)
    root = _each(root, "stores", lambda name, store: _add(store, {"key": f"sealed:{name}"}))
    root = _each(root, "dns", _zone_defaults)
    shared = root
    root = _each(root, "tenants", lambda name, tenant: _tenant(name, tenant, shared))
    return fill(root, RootSettings)


def fill(node: Node, model: type[Settings]) -> Node:
    """Put in the defaults that the schema itself states."""
    if not isinstance(node.value, dict):
        return node
    for name, info in model.model_fields.items():
        key, known = info.alias or name, about(model, name)
        if key not in node.value and known.default is not None:
            node = with_entry(node, key, build_node(known.default))
        node = _fill_below(node, model, name)
    return node


def _fill_below(node: Node, model: type[Settings], name: str) -> Node:
    key = model.model_fields[name].alias or name
    shape = shape_of(model, name)
    held = find(node, key)
    # Groups that are only shared by tenants stay as they are written: tenants are filled.
    if held is None or shape.model is None or (model is RootSettings and key in ("defaults", "services")):
        return node
    return with_entry(node, key, _filled(held, shape.model, shape.holds), place=key_place(node, key))


def _filled(held: Node, model: type[Settings], holds: str) -> Node:
    if holds == "one":
        return fill(held, model)
    if isinstance(held.value, dict):
        named = {name: fill(item, model) for name, item in held.value.items()}
        return Node(named, held.place, held.key_places)
    if isinstance(held.value, list):
        return Node([fill(item, model) for item in held.value], held.place)
    return held


def _site(name: str, site: Node, *, zone: str) -> Node:
    site = _add(site, {"alias": f"{name}.{zone}"})
    return _each(site, "hosts", lambda host, node: _add(node, {"tls": f"sealed:{host}"}))


def _signer(site: str, signer: Node) -> Node:
    return _add(signer, {"public": f"file:keys/{site}.signer.pub", "private": f"sealed:{site}.signer"})


def _zone_defaults(_name: str, dns: Node) -> Node:
    at_cloudflare = text(dns, "kind") == "cloudflare"
    key, least = ("sealed:cloudflare", "60s") if at_cloudflare else ("sealed:tsig", "30s")
    return _add(dns, {"key": key, "move-ttl": least})


def _tenant(name: str, tenant: Node, root: Node) -> Node:
    defaults = find(root, "defaults")
    for key in keys_of(DefaultSettings):
        tenant = _inherit(tenant, defaults, key)
    tenant = _inherit(tenant, root, "backup")
    tenant = _inherit(tenant, root, "services")
    tenant = _add(tenant, {"services": {role: _service(role, tenant) for role in SERVICE_ROLES}})
    return _add(
        tenant,
        {
            "certificate": f"sealed:{name}.tls",
            "root": f"sealed:{name}.root",
            "token": f"sealed:{name}.token",
            "backup-key": {"public": f"file:keys/{name}.backup.pub", "private": f"sealed:{name}.backup"},
        },
    )


def _service(role: ServiceRole, tenant: Node) -> Mapping[str, object]:
    """What the service of that role gets when nobody states it."""
    memory = int(_read_size(text(tenant, "memory")) * _MEMORY_SHARES[role])
    return {
        **_ROLES[role],
        # Nodes, not texts: a wrong value stands where its source stands, and is told once.
        "gid": find(tenant, "services", role, "uid") or _ROLES[role]["uid"],
        "cpus": find(tenant, "cpu") or about(SharedSettings, "cpu").default,
        "memory": f"{memory}B",
    }


def _read_size(written: str) -> int:
    try:
        return parse_size(written)
    except ValueError:
        # What is wrong with it is said where it stands, and not once more for each share of it.
        return 0


def _zone(root: Node) -> str:
    """The first zone; where there is none, that is said, and not once more for each alias."""
    return next((text(dns, "zone") for _, dns in entries(root, "dns") if text(dns, "zone")), "invalid")


def _each(node: Node, key: str, change: Callable[[str, Node], Node]) -> Node:
    """Change each entry of a map of maps; what is not a map is left for the checks."""
    group = find(node, key)
    if group is None or not isinstance(group.value, dict):
        return node
    changed = {
        name: change(name, entry) if isinstance(entry.value, dict) else entry
        for name, entry in group.value.items()
    }
    return with_entry(node, key, Node(changed, group.place, group.key_places), place=key_place(node, key))


def _add(node: Node, values: Mapping[str, object]) -> Node:
    """Add the entries that are missing."""
    return _overlay(node, build_node(values))


def _inherit(node: Node, group: Node | None, key: str) -> Node:
    """Put what the group holds under a key below what stands there."""
    shared = find(group, key) if group is not None else None
    if group is None or shared is None:
        return node
    return _overlay(node, Node({key: shared}, BUILT_IN, {key: key_place(group, key)}))


def _overlay(own: Node, shared: Node) -> Node:
    """Maps over maps, entry by entry; everything else as it stands in ``own``."""
    if not isinstance(own.value, dict) or not isinstance(shared.value, dict):
        return own
    values, places = dict(own.value), dict(own.key_places)
    for key, node in shared.value.items():
        if key in values:
            values[key] = _overlay(values[key], node)
        else:
            values[key], places[key] = node, shared.key_places.get(key, BUILT_IN)
    return Node(values, own.place, places)
