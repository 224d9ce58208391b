"""The backups of one tenant as they lie in its stores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from drp.actions.action import ReadPorts
from drp.actions.backups import signers
from drp.actions.history import find_newest, list_backups
from drp.dataplane.manifest import Manifest, backup_prefix, backup_root, require_manifest
from drp.errors import DrpError
from drp.model.inventory import Tenant
from drp.model.values import JsonMap

_STAMP: Final = "%Y%m%dT%H%M%SZ"
_STAMP_LENGTH: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """``manifest`` None: it cannot be read or is not there; ``damage`` says why."""

    tenant: str
    id: str
    manifest: Manifest | None = None
    damage: str = ""

    @property
    def began(self) -> datetime | None:
        """What it holds is as of then; of a damaged one, what its id says; None when that says nothing."""
        if self.manifest is not None:
            return datetime.fromisoformat(self.manifest.began)
        try:
            return datetime.strptime(self.id[:_STAMP_LENGTH], _STAMP).replace(tzinfo=UTC)
        except ValueError:
            return None

    @property
    def documents(self) -> int:
        return 0 if self.manifest is None else self.manifest.total().documents

    @property
    def size(self) -> int:
        """Bytes in the store, sealed."""
        return (
            0
            if self.manifest is None
            else sum(pack.bytes for pack in self.manifest.packs) + (self.manifest.catalog.bytes)
        )

    def age(self, now: datetime) -> timedelta | None:
        return None if self.began is None else max(timedelta(0), now - self.began)

    def to_json(self, now: datetime) -> JsonMap:
        age = self.age(now)
        data: JsonMap = {
            "tenant": self.tenant,
            "id": self.id,
            "age_s": None if age is None else round(age.total_seconds(), 3),
            "is_readable": self.manifest is not None,
        }
        if self.manifest is None:
            return data | {"damage": self.damage}
        return data | {"documents": self.documents, "bytes": self.size, "site": self.manifest.site}


class Shelf:
    """Reads what one tenant has. Errors: those of the store."""

    def __init__(self, ports: ReadPorts, tenant: Tenant) -> None:
        self._ports = ports
        self.tenant = tenant

    def backups(self) -> list[Backup]:
        """All that have a manifest, the newest first."""
        return [self._read(each) for each in reversed(list_backups(self._ports, self.tenant))]

    def remains(self) -> list[Backup]:
        """What has objects in one of the stores but no manifest, the newest first."""
        whole = set(list_backups(self._ports, self.tenant))
        ids = {key.removeprefix(self._root).split("/")[0] for _, key in self._keys()}
        return [
            Backup(tenant=self.tenant.name, id=each, damage="no manifest")
            for each in sorted(ids - whole, reverse=True)
        ]

    def trusted(self) -> str:
        """Id of the one that a restore would take; "" when there is none."""
        found = find_newest(self._ports, self.tenant)
        return "" if found is None else found.backup_id

    def keys(self, backup: str) -> list[tuple[str, str]]:
        """(store, key) of all objects of one backup, its manifest first."""
        prefix = backup_prefix(self.tenant.name, backup)
        own = [(store, key) for store, key in self._keys() if key.startswith(prefix)]
        return sorted(own, key=lambda each: (not each[1].endswith("/MANIFEST.json"), each))

    @property
    def _root(self) -> str:
        return backup_root(self.tenant.name)

    def _keys(self) -> Iterator[tuple[str, str]]:
        for name in (self.tenant.backup_store, self.tenant.backup_keys):
            for key in self._ports.store(name).list(self._root):
                yield name, key

    def _read(self, backup: str) -> Backup:
        store = self._ports.store(self.tenant.backup_store)
        try:
            found = require_manifest(store, self.tenant.name, backup, signers=signers(self._ports))
        except DrpError as error:
            return Backup(tenant=self.tenant.name, id=backup, damage=error.message)
        return Backup(tenant=self.tenant.name, id=backup, manifest=found)
