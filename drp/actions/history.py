"""Which backups of a tenant there are, and what their manifests say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from drp.actions.action import ReadPorts
from drp.actions.backups import signers
from drp.dataplane import manifest as manifests
from drp.dataplane.manifest import Manifest
from drp.errors import DrpError, RefusedError
from drp.model.inventory import Tenant
from drp.model.values import JsonMap


def list_backups(ports: ReadPorts, tenant: Tenant) -> list[str]:
    """Ids of the backups that have a manifest, the oldest first (an id begins with its moment)."""
    root = manifests.backup_root(tenant.name)
    keys = ports.store(tenant.backup_store).list(root)
    ends = f"/{manifests.MANIFEST}"
    return sorted(key.removeprefix(root).removesuffix(ends) for key in keys if key.endswith(ends))


def iter_readable(ports: ReadPorts, tenant: Tenant) -> Iterator[Manifest]:
    """The newest first; a manifest that is not whole or not signed by a known site is passed over."""
    store = ports.store(tenant.backup_store)
    for backup in reversed(list_backups(ports, tenant)):
        try:
            yield manifests.require_manifest(store, tenant.name, backup, signers=signers(ports))
        except DrpError:
            continue


def find_newest(ports: ReadPorts, tenant: Tenant) -> Manifest | None:
    """The newest readable one that holds documents; when none does, the newest readable one.

    One that is empty after others were not tells of a fault, and is nothing to restore from.
    """
    newest: Manifest | None = None
    for manifest in iter_readable(ports, tenant):
        newest = newest or manifest
        if manifest.total().documents:
            return manifest
    return newest


def require_newest(ports: ReadPorts, tenant: Tenant) -> Manifest:
    """As ``find_newest``. Raises RefusedError when there is none."""
    found = find_newest(ports, tenant)
    if found is None:
        raise RefusedError(
            f"cannot restore '{tenant.name}': no backup of it can be read",
            hint=f"See who serves it with `drp status {tenant.name}`, and `drp check stores`.",
        )
    return found


def backup_facts(found: Manifest) -> JsonMap:
    """What plans and reports say of a backup. ``began``: writes acknowledged later are not in it."""
    return {"id": found.backup_id, "began": found.began, "documents": found.total().documents}


def seconds_since(began: str, now: datetime) -> float:
    """How old what a backup holds is."""
    return max(0.0, (now - datetime.fromisoformat(began)).total_seconds())
