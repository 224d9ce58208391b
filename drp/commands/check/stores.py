"""Stores and the witness: rights by a canary, put-once really refused, and a place that survives a site."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from urllib.parse import urlsplit

from drp.commands.check.looks import Look, Trouble
from drp.commands.check.survey import CANARY, Survey
from drp.errors import ConflictError, DeniedError, VerificationError
from drp.model.inventory import Inventory
from drp.ports.objects import ObjectStore

_ROOT = f"{CANARY}/"


def look_at_stores(survey: Survey) -> Iterator[Look]:
    for name in survey.inventory.stores:
        yield Look(area="stores", name=name, do=partial(_check_store, survey, name))


def _check_store(survey: Survey, name: str) -> Trouble | None:
    """List, put, read, put again in vain, delete."""
    store = survey.ports.store(name)
    left = [key for key in store.list(_ROOT) if survey.is_stale(key.removeprefix(_ROOT))]
    canary = f"{_ROOT}{survey.token}"
    store.put_once(canary, b"canary")
    try:
        trouble = _try(store, name, canary)
    except BaseException:
        _remove(store, name, [canary])
        raise
    return _remove(store, name, [canary, *left]) if trouble is None else _remove_and(store, canary, trouble)


def _try(store: ObjectStore, name: str, canary: str) -> Trouble | None:
    if store.get(canary) != b"canary":
        raise VerificationError(
            f"cannot use store '{name}': it gives back other bytes than were put", page="D1"
        )
    try:
        store.put_once(canary, b"second")
    except ConflictError:
        return None
    return Trouble(
        message=f"cannot use store '{name}': it overwrites an object that was to be put once",
        hint="Use a store that keeps to `If-None-Match: *`: else two runs may hold one lease.",
        code="A5",
    )


def _remove_and(store: ObjectStore, canary: str, trouble: Trouble) -> Trouble:
    store.delete(canary)
    return trouble


def _remove(store: ObjectStore, name: str, keys: list[str]) -> Trouble | None:
    try:
        for key in keys:
            store.delete(key)
    except DeniedError:
        # a store that keeps what it was given is safe, but the canary stays in it
        return Trouble(
            message=f"cannot remove '{keys[0]}' from store '{name}': this identity has no right to delete",
            hint="Old backups could not be pruned; grant it, or set a lifecycle rule for the canaries.",
            code="D5",
            verdict="warning",
        )
    return None


def look_at_witness(survey: Survey) -> Iterator[Look]:
    yield Look(area="witness", name=survey.inventory.witness, do=partial(_check_witness, survey))


def _check_witness(survey: Survey) -> Trouble | None:
    """Its address leads to no site; that its `place` is in none, the configuration was refused otherwise."""
    store = survey.inventory.stores[survey.inventory.witness]
    server = urlsplit(store.url).hostname or ""
    addresses = {server}
    if server.endswith(f".{survey.inventory.dns.zone}"):
        for kind in ("A", "CNAME"):
            found = survey.ports.dns().find(server, kind)
            addresses |= set(found.values) if found else set()
    site = _find_site(survey.inventory, addresses)
    if not site:
        return None
    return Trouble(
        message=f"cannot use store '{store.name}' as witness: '{server}' leads to '{site}', "
        "a site that may fail",
        hint="Keep the witness outside all sites.",
        place=survey.inventory.lines.get(f"stores.{store.name}.url", ""),
        code="B4",
    )


def _find_site(inventory: Inventory, addresses: set[str]) -> str:
    for site in inventory.sites.values():
        own = {site.alias, *(host.edge for host in site.hosts)}
        own |= {urlsplit(host.engine).hostname or "" for host in site.hosts}
        if own & addresses:
            return site.name
    return ""
