"""``drp backups verify``: every object of every backup against its signed manifest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from drp.actions.action import ReadPorts
from drp.commands.backups.listing import AT_ONCE
from drp.commands.backups.shelf import Backup, Shelf
from drp.commands.endings import DONE, FINDINGS
from drp.commands.results import Listing
from drp.dataplane import keys
from drp.dataplane.manifest import Manifest, get_verified
from drp.dataplane.reading import BackupReader, Completeness
from drp.errors import DrpError
from drp.model.inventory import Tenant
from drp.model.values import JsonMap, Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One backup and all that is wrong with it."""

    backup: Backup
    damages: tuple[str, ...]

    def to_json(self) -> JsonMap:
        return {"tenant": self.backup.tenant, "id": self.backup.id, "damages": [*self.damages]}


def verify_all(ports: ReadPorts, tenants: Sequence[str], *, deep: bool) -> Listing:
    """Manifest, signature and the hash of every object. ``deep``: opened by the tenant's key and counted."""

    def verify(name: str) -> list[Judged]:
        tenant = ports.inventory.tenants[name]
        return [
            Judged(backup=backup, damages=tuple(_iter_damages(ports, tenant, backup, deep=deep)))
            for backup in Shelf(ports, tenant).backups()
        ]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        judged = [each for found in pool.map(verify, tenants) for each in found]
    bad = [each for each in judged if each.damages]
    how = "opened and counted" if deep else "all hashes right"
    return Listing(
        lines=tuple(line for each in bad for line in _lines(each)),
        data={"verified": len(judged), "deep": deep, "damaged": [each.to_json() for each in bad]},
        summary=f"{'✗' if bad else '✓'} {len(judged) - len(bad)} of {len(judged)} whole: {how}",
        ending=FINDINGS if bad else DONE,
    )


def _lines(judged: Judged) -> Iterator[str]:
    for damage in judged.damages:
        yield f"✗ {judged.backup.tenant:<8} {judged.backup.id}  {damage}"


def _iter_damages(ports: ReadPorts, tenant: Tenant, backup: Backup, *, deep: bool) -> Iterator[str]:
    manifest = backup.manifest
    if manifest is None:
        yield backup.damage
        return
    damaged = False
    for store, key, wanted in _objects(tenant, manifest):
        try:
            get_verified(ports.store(store), key, wanted)
        except DrpError as error:
            damaged = True
            yield error.message
    if deep and not damaged:
        try:
            _open(ports, tenant, manifest)
        except DrpError as error:
            yield error.message


def _objects(tenant: Tenant, manifest: Manifest) -> Iterator[tuple[str, str, str]]:
    """(store, key, SHA-256)"""
    yield tenant.backup_keys, manifest.key_block, manifest.data_key.block_sha256
    yield tenant.backup_store, manifest.catalog.object, manifest.catalog.sha256
    for pack in manifest.packs:
        yield tenant.backup_store, pack.object, pack.sha256


def open_key(ports: ReadPorts, tenant: Tenant, manifest: Manifest) -> Secret:
    """The key of the backup's data. Raises VerificationError, DeniedError, the stores' errors."""
    block = ports.store(tenant.backup_keys).get(manifest.key_block)
    private = ports.secret(tenant.backup_private)
    return keys.open_data_key(private, block, tenant=tenant.name, attempt=manifest.attempt)


def _open(ports: ReadPorts, tenant: Tenant, manifest: Manifest) -> None:
    """As a restore does it. Raises VerificationError, DeniedError, the store's errors."""
    key = open_key(ports, tenant, manifest)
    reader = BackupReader(ports.store(tenant.backup_store), manifest, key)
    reader.load_catalog()
    numbers = [stream.number for stream in manifest.streams]
    seen = Completeness()
    for pack in reader.find_packs(numbers):
        for part in reader.iter_parts(pack, numbers):
            seen.count(part)
    seen.check(manifest.streams)
