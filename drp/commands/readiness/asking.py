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
from drp.config.needed import NeededSecret, Purpose, needed_secrets
from drp.model.inventory import Site, Tenant

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

_SHARED: Final[frozenset[Purpose]] = frozenset({"engine", "store", "zone", "guards"})
_OWN: Final[frozenset[Purpose]] = frozenset({"certificate", "root", "token", "backup"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One look, what it would be a reason of, and whose ("": of all)."""

    reason: Reason
    look: Look
    tenant: str = ""


def ask_all(survey: Survey, target: Site, tenants: Sequence[Tenant]) -> list[Cause]:
    """What is not well, each trouble once: who met it first has it."""
    asking = _Asking(survey, target)
    asks = [*asking.of_all(tenants), *(ask for tenant in tenants for ask in asking.of_tenant(tenant))]
    found = look_all([ask.look for ask in asks])
    causes: dict[str, Cause] = {}
    for ask, finding in zip(asks, found, strict=True):
        if finding.trouble is not None:
            trouble = with_command(ask.reason, finding.trouble)
            cause = Cause(reason=ask.reason, trouble=trouble, tenant=ask.tenant)
            causes.setdefault(finding.trouble.message, cause)
    return [*causes.values()]


def with_command(reason: Reason, trouble: Trouble) -> Trouble:
    """The same; its hint names a command."""
    if "`drp " in trouble.hint:
        return trouble
    return replace(trouble, hint=f"{trouble.hint} {_AGAIN[reason]}".strip())


class _Asking:
    """Picks looks; those of ``drp check`` are made once for all who pick of them."""

    def __init__(self, survey: Survey, target: Site) -> None:
        self._survey = survey
        self._target = target
        self._hosts = [host.name for host in target.hosts]
        self._areas: dict[str, Mapping[str, Look]] = {}
        self._secrets: dict[str, list[NeededSecret]] = {}
        for each in needed_secrets(survey.inventory):
            self._secrets.setdefault(each.owner, []).append(each)

    def of_all(self, tenants: Sequence[Tenant]) -> Iterator[Ask]:
        inventory, target = self._survey.inventory, self._target
        witness = inventory.witness
        stores = [*dict.fromkeys(s for t in tenants for s in (t.backup_store, t.backup_keys) if s != witness)]
        yield from self._pick("engines", self._hosts, "engine")
        yield from self._pick("clocks", self._hosts, "clock")
        yield from self._pick("witness", [witness], "witness")
        yield from self._pick("stores", [witness], "witness")
        yield from self._pick("stores", stores, "store")
        for owner in (*self._hosts, *stores, witness, inventory.dns.name, "guards"):
            yield from self._pick("secrets", self._refs(owner, _SHARED), "key")
        yield from self._pick("dns", [*inventory.dns.servers, "updates"], "dns")
        yield from self._pick("subnets", self._hosts, "subnets")
        yield _ask("image", "images", target.name, partial(looks.check_own_images, self._survey, target))
        yield _ask("contacts", "config", "operators", partial(looks.check_operators, self._survey))

    def of_tenant(self, tenant: Tenant) -> Iterator[Ask]:
        survey, name = self._survey, tenant.name
        greeted = [f"{name}@{host}" for host in self._hosts]
        images = partial(looks.check_images, survey, tenant, self._target)
        yield from self._pick("secrets", self._refs(name, _OWN), "key", name)
        yield from self._pick("handshakes", greeted, "certificate", name)
        yield _ask("backup", "backups", name, partial(check_backup, survey, name), name)
        yield _ask("proof", "backups", name, partial(looks.check_proof, survey, tenant), name)
        yield _ask("key", "backups", name, partial(looks.check_key, survey, tenant), name)
        yield _ask("image", "images", name, images, name)
        yield _ask("contacts", "config", name, partial(looks.check_contacts, survey, tenant), name)

    def _pick(self, area: str, names: Sequence[str], reason: Reason, tenant: str = "") -> Iterator[Ask]:
        """Those looks of ``drp check`` in the area that are at these things."""
        if area not in self._areas:
            self._areas[area] = {look.name: look for look in AREAS[area](self._survey)}
        for name in names:
            if name in self._areas[area]:
                yield Ask(reason=reason, look=self._areas[area][name], tenant=tenant)

    def _refs(self, owner: str, purposes: Collection[Purpose]) -> list[str]:
        return [str(each.ref) for each in self._secrets.get(owner, ()) if each.purpose in purposes]


def _ask(reason: Reason, area: str, name: str, do: partial[Trouble | None], tenant: str = "") -> Ask:
    return Ask(reason=reason, look=Look(area=area, name=name, do=do), tenant=tenant)
