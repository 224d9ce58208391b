"""Typed settings -> the inventory. Nothing can be wrong any more here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from drp.config.publics import EDGE_CA, PublicTexts, backup_path, signer_path
from drp.config.schema import (
    DnsSettings,
    HostSettings,
    RootSettings,
    ServiceSettings,
    SiteSettings,
    SmokeSettings,
    StoreSettings,
    TenantSettings,
)
from drp.config.yaml import Node, plain
from drp.errors import Place
from drp.model.drills import DrillSchedule
from drp.model.hours import Hours
from drp.model.inventory import (
    Account,
    BackupPolicy,
    DnsZone,
    Fence,
    Host,
    Images,
    Inventory,
    Residency,
    SealedFileRef,
    SecretRef,
    Service,
    Signer,
    Site,
    Store,
    Tenant,
)
from drp.model.names import SERVICE_ROLES, ServiceRole
from drp.model.policies import BundlePolicy, DrillPolicy, Policies, WavePolicy
from drp.model.values import JsonMap

_DIGEST_KEYS: Final = {"sort_keys": True, "separators": (",", ":"), "ensure_ascii": False}


class InventoryBuilder:
    """``root`` is the resolved tree from which ``settings`` were made, ``folder`` where its files are."""

    def __init__(self, settings: RootSettings, root: Node, folder: Path, *, publics: PublicTexts) -> None:
        self._settings = settings
        self._root = root
        self._folder = folder
        self._publics = publics

    def build(self) -> Inventory:
        settings = self._settings
        name, dns = next(iter(settings.dns.items()))
        return Inventory(
            timezone=settings.timezone,
            sites={name: self._site(name, site) for name, site in settings.sites.items()},
            stores={name: self._store(name, store) for name, store in settings.stores.items()},
            witness=settings.witness,
            dns=self._zone(name, dns),
            signers={site: self._signer(site) for site in settings.signers},
            images=Images(helper=settings.images.helper, edge=settings.images.edge),
            edge_ca=self._publics[EDGE_CA],
            tenants={name: self._tenant(name, tenant) for name, tenant in settings.tenants.items()},
            digest=self._digest(),
            fence=Fence(term=settings.fence.term, key=self._ref(settings.fence.key)),
            policies=_policies(settings),
            secrets=SealedFileRef(
                file=(self._folder / settings.secrets.file).as_posix(),
                unlock=self._ref(settings.secrets.unlock) if settings.secrets.unlock else None,
            ),
            lines=build_lines(self._root),
        )

    def _site(self, name: str, site: SiteSettings) -> Site:
        hosts = tuple(self._host(host, name, settings) for host, settings in site.hosts.items())
        return Site(
            name=name,
            alias=site.alias,
            residency=_residency(site),
            hosts=hosts,
            building=site.building or "",
        )

    def _host(self, name: str, site: str, host: HostSettings) -> Host:
        return Host(
            name=name,
            site=site,
            engine=host.engine,
            tls=self._ref(host.tls),
            edge=host.edge,
            memory=host.memory,
            disk=host.disk,
            cpus=host.cpus,
            subnets=host.subnets,
        )

    def _store(self, name: str, store: StoreSettings) -> Store:
        return Store(
            name=name,
            url=store.url,
            region=store.region,
            bucket=store.bucket,
            place=store.place,
            residency=_residency(store),
            key=self._ref(store.key),
        )

    def _zone(self, name: str, dns: DnsSettings) -> DnsZone:
        return DnsZone(
            name=name,
            kind=dns.kind,
            zone=dns.zone,
            servers=tuple(dns.servers),
            key=self._ref(dns.key),
            ttl=int(dns.ttl.total_seconds()),
            move_ttl=int(dns.move_ttl.total_seconds()),
            residency=_residency(dns),
        )

    def _signer(self, site: str) -> Signer:
        public = self._publics[signer_path(site)]
        return Signer(site=site, public=public, private=self._ref(self._settings.signers[site].private))

    def _tenant(self, name: str, tenant: TenantSettings) -> Tenant:
        return Tenant(
            name=name,
            home=tenant.home,
            host=tenant.host,
            domains=tuple(tenant.domains),
            env=tenant.env,
            tier=tenant.tier,
            dedicated=tenant.dedicated,
            egress=tuple(tenant.egress),
            residency=tuple(tenant.residency),
            memory=tenant.memory,
            disk=tenant.disk,
            freeze=tenant.freeze,
            hours=self._hours(tenant.hours),
            proof=tenant.proof,
            contacts=tuple(tenant.contacts),
            redis=tenant.redis,
            services={role: _service(role, tenant) for role in SERVICE_ROLES},
            accounts=tuple(
                Account(name=each.name, roles=tuple({"role": r.role, "db": r.db} for r in each.roles))
                for each in tenant.accounts
            ),
            smoke=tuple(_smoke(request) for request in tenant.smoke),
            smoke_collections=tuple(tenant.smoke_collections),
            drill=tuple({**_smoke(request), "keep": {**request.keep}} for request in tenant.drill),
            certificate=self._ref(tenant.certificate),
            root=self._ref(tenant.root),
            token=self._ref(tenant.token),
            backup_public=self._publics[backup_path(name)],
            backup_private=self._ref(tenant.backup_key.private),
            backup_store=tenant.backup.store,
            backup_keys=tenant.backup.keys,
            backup_policy=BackupPolicy(
                every=tenant.backup.every, keep=tenant.backup.keep, alarm=tenant.backup.alarm
            ),
        )

    def _hours(self, hours: Hours | None) -> Hours | None:
        """In the company's zone, unless they name another."""
        if hours is None or hours.zone:
            return hours
        return replace(hours, zone=self._settings.timezone)

    def _ref(self, ref: SecretRef) -> SecretRef:
        """Paths are meant from the configuration's folder, wherever drp is started."""
        if ref.kind != "file":
            return ref
        return SecretRef(kind="file", name=(self._folder / ref.name).resolve().as_posix())

    def _digest(self) -> str:
        """Of all values that count, the texts of public files included."""
        values = [plain(self._root), self._publics.by_dotted_key()]
        return hashlib.sha256(json.dumps(values, **_DIGEST_KEYS).encode()).hexdigest()  # type: ignore[arg-type]


def build_lines(root: Node) -> Mapping[str, str]:
    """Dotted key -> ``file:line:column`` of everything that somebody wrote."""
    found: dict[str, str] = {}
    _add_lines(found, root, "")
    return found


def _add_lines(found: dict[str, str], node: Node, prefix: str) -> None:
    if not isinstance(node.value, dict):
        return
    for key, child in node.value.items():
        place = node.key_places.get(key) if isinstance(child.value, dict) else child.place
        if isinstance(place, Place) and place.line:
            found[f"{prefix}{key}"] = str(place)
        _add_lines(found, child, f"{prefix}{key}.")


def _policies(root: RootSettings) -> Policies:
    settings, waves = root.policies, root.policies.waves
    return Policies(
        waves=WavePolicy(canary=waves.canary, least=waves.least, size=waves.size, stop_at=waves.stop_at),
        bundle=BundlePolicy(
            stores=tuple(root.bundle.stores),
            every=root.bundle.every,
            keep=root.bundle.keep,
            images=root.bundle.images,
        ),
        neutral=tuple(settings.failover.neutral),
        drill=DrillPolicy(limit=settings.drill.limit),
        rto=settings.rto,
        rpo=settings.rpo,
        operators=tuple(root.operators),
        drills=tuple(_drills(root)),
    )


def _drills(root: RootSettings) -> Iterator[DrillSchedule]:
    for number, each in enumerate(root.drills, 1):
        yield DrillSchedule(
            name=each.name or f"config-{number}",
            cron=each.cron,
            zone=root.timezone,
            sample=each.sample or 0,
            site=each.site or "",
            within=each.within,
            in_hours=each.in_hours,
        )


def _residency(settings: SiteSettings | StoreSettings | DnsSettings) -> Residency:
    return Residency(
        country=settings.country or "", provider=settings.provider or "", account=settings.account or ""
    )


def _service(role: ServiceRole, tenant: TenantSettings) -> Service:
    settings: ServiceSettings = getattr(tenant.services, role)
    return Service(
        role=role,
        image=getattr(tenant.images, role),
        command=tuple(settings.command),
        environment=settings.environment,
        uid=settings.uid,
        gid=settings.gid,
        port=settings.port,
        memory=settings.memory,
        cpus=settings.cpus,
        pids=settings.pids,
        data=settings.data,
    )


def _smoke(request: SmokeSettings) -> JsonMap:
    return {
        "method": request.method,
        "path": request.path,
        "body": request.body,
        "headers": {**request.headers},
        "expect_status": request.expect_status,
        "expect_contains": request.expect_contains,
    }
