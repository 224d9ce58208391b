"""The looks of readiness: those of ``drp check`` that a failover depends on, and those at each tenant."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from drp.commands.check.areas import AREAS
from drp.commands.check.backups import check_backup
from drp.commands.check.looks import Look, Trouble, look_all
from drp.commands.check.survey import Survey
from drp.commands.readiness import tenants as looks
from drp.commands.readiness.results import Cause, Reason
from drp.config.needed import needed_secrets
from drp.model.inventory import Inventory, Site, Tenant

_AGAIN: Final[Mapping[Reason, str]] = {
    "engine": "`drp check engines` looks again.",
    "clock": "`drp check clocks` looks again.",
    "witness": "`drp check witness stores` looks again.",
    "store": "`drp check stores` looks again.",
    "backup": "`drp backups list --all` shows what there is.",
    "proof": "`drp backups list --all` shows what there is.",
    "key": "`drp check secrets` looks again.",
    "image": "`drp check images` looks again.",
    "certificate": "`drp check handshakes` looks again.",
    "dns": "`drp check dns` looks again.",
    "subnets": "`drp check subnets` looks again.",
    "disk": "`drp check space` looks again.",
    "memory": "`drp readiness --fit` shows each host.",
    "contacts": "`drp config show` shows who is named.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One look, what it would be a reason of, and whose ("": of all)."""

    reason: Reason
    look: Look
    tenant: str = ""


def ask_all(survey: Survey, target: Site, tenants: Sequence[Tenant]) -> list[Cause]:
    """What is not well, each trouble once: who met it first has it."""
    asks = [*_of_all(survey, target, tenants)]
    asks += [ask for tenant in tenants for ask in _of_tenant(survey, target, tenant)]
    found = look_all([ask.look for ask in asks])
    causes: dict[str, Cause] = {}
    for ask, finding in zip(asks, found, strict=True):
        if finding.trouble is not None:
            cause = Cause(
                reason=ask.reason, trouble=with_command(ask.reason, finding.trouble), tenant=ask.tenant
            )
            causes.setdefault(finding.trouble.message, cause)
    return [*causes.values()]


def with_command(reason: Reason, trouble: Trouble) -> Trouble:
    """The same; its hint names a command."""
    if "`drp " in trouble.hint:
        return trouble
    return replace(trouble, hint=f"{trouble.hint} {_AGAIN[reason]}".strip())


def _of_all(survey: Survey, target: Site, tenants: Sequence[Tenant]) -> Iterator[Ask]:
    inventory = survey.inventory
    hosts = [host.name for host in target.hosts]
    stores = {name for each in tenants for name in (each.backup_store, each.backup_keys)}
    yield from _pick(survey, "engines", hosts, "engine")
    yield from _pick(survey, "clocks", hosts, "clock")
    yield from _pick(survey, "witness", [inventory.witness], "witness")
    yield from _pick(survey, "stores", [inventory.witness], "witness")
    yield from _pick(survey, "stores", stores - {inventory.witness}, "store")
    yield from _pick(survey, "secrets", [*_refs(inventory, {*hosts, *stores}, {"engine", "store"})], "key")
    yield from _pick(survey, "secrets", [*_refs(inventory, None, {"zone", "guards"})], "key")
    yield from _pick(survey, "dns", [*inventory.dns.servers, "updates"], "dns")
    yield from _pick(survey, "subnets", hosts, "subnets")
    yield _ask("image", "images", target.name, partial(looks.check_own_images, survey, target))
    yield _ask("contacts", "config", "operators", partial(looks.check_operators, survey))


def _of_tenant(survey: Survey, target: Site, tenant: Tenant) -> Iterator[Ask]:
    name = tenant.name
    greeted = [f"{name}@{host.name}" for host in target.hosts]
    needed = {"certificate", "root", "token", "backup"}
    yield from _pick(survey, "secrets", [*_refs(survey.inventory, {name}, needed)], "key", name)
    yield from _pick(survey, "handshakes", greeted, "certificate", name)
    yield _ask("backup", "backups", name, partial(check_backup, survey, name), name)
    yield _ask("proof", "backups", name, partial(looks.check_proof, survey, tenant), name)
    yield _ask("key", "backups", name, partial(looks.check_key, survey, tenant), name)
    yield _ask("image", "images", name, partial(looks.check_images, survey, tenant, target), name)
    yield _ask("contacts", "config", name, partial(looks.check_contacts, survey, tenant), name)


def _pick(
    survey: Survey, area: str, names: Collection[str], reason: Reason, tenant: str = ""
) -> Iterator[Ask]:
    """Those looks of ``drp check`` in the area that are at these things."""
    for look in AREAS[area](survey):
        if look.name in names:
            yield Ask(reason=reason, look=look, tenant=tenant)


def _refs(inventory: Inventory, owners: Collection[str] | None, purposes: Collection[str]) -> Iterator[str]:
    """Secrets of that purpose that belong to these; None: to whomever."""
    for each in needed_secrets(inventory):
        if each.purpose in purposes and (owners is None or each.owner in owners):
            yield str(each.ref)


def _ask(reason: Reason, area: str, name: str, do: partial[Trouble | None], tenant: str = "") -> Ask:
    return Ask(reason=reason, look=Look(area=area, name=name, do=do), tenant=tenant)
