"""Backups: taken beside the source, restored beside the target, through the object store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from drp.actions.action import Call, Observation, ReadPorts, WritePorts
from drp.actions.checks import Check
from drp.actions.databases import DataAction, InstanceParams
from drp.actions.jobs import ADMIN, store
from drp.dataplane import keys as backup_keys
from drp.dataplane import manifest as manifests
from drp.engine.tasks import Absent, Partial, Present
from drp.errors import VerificationError
from drp.model.names import Instance
from drp.model.values import Json, JsonMap, Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupParams(InstanceParams):
    """``backup`` is the backup's id, fixed by the plan; ``site`` where it is taken."""

    backup: str
    site: str


def _managed(ports: ReadPorts | WritePorts, instance: Instance) -> list[Json]:
    """Accounts that are fresh at each instance and so never carried."""
    return [ADMIN, *(account.name for account in ports.inventory.tenants[instance.tenant].accounts)]


class TakeBackup(DataAction[BackupParams]):
    """Take a base backup beside the databases. Undo removes it: it belongs to a move that was taken back."""

    name: ClassVar[str] = "backup.take"
    params = BackupParams
    job: ClassVar[str] = "backup"

    def observe(self, ports: ReadPorts, params: BackupParams, call: Call) -> Observation:
        instance = Instance.parse(params.instance)
        tenant = ports.inventory.tenants[instance.tenant]
        found = manifests.find_manifest(
            ports.store(tenant.backup_store), tenant.name, params.backup, signers=signers(ports)
        )
        if found is None:
            return Absent()
        if ports.host(params.host).find_container(instance.helper(self.job)) is not None:
            # it finished the backup after its run had died; applying removes it and takes no second one
            return Partial("the backup is there, its helper is not removed")
        return Present(manifests.summary(found))

    def apply(self, ports: WritePorts, params: BackupParams, call: Call) -> JsonMap:
        instance = Instance.parse(params.instance)
        tenant = ports.inventory.tenants[instance.tenant]
        data, data_secrets = store(ports, tenant.backup_store, "store")
        blocks, block_secrets = store(ports, tenant.backup_keys, "keys")
        more: JsonMap = {
            **data,
            **blocks,
            "tenant": tenant.name,
            "backup_id": params.backup,
            "env": tenant.env,
            "site": params.site,
            "public_key": tenant.backup_public,
            "exclude_users": _managed(ports, instance),
        }
        signing = ports.secret(ports.inventory.signers[params.site].private)
        return self.run(
            ports, params, call, more=more, secrets={**data_secrets, **block_secrets, "signing": signing}
        )

    def undo(self, ports: WritePorts, params: BackupParams, call: Call) -> None:
        super().undo(ports, params, call)
        tenant = ports.inventory.tenants[Instance.parse(params.instance).tenant]
        # the manifest first: a backup without one does not exist
        for name in (tenant.backup_store, tenant.backup_keys):
            bucket = ports.store(name)
            keys = bucket.list(manifests.backup_prefix(tenant.name, params.backup))
            for key in sorted(keys, key=lambda key: not key.endswith(manifests.MANIFEST)):
                bucket.delete(key)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckParams:
    """``last``: the id of the backup before this one ("" when there is none), ``documents`` what it held."""

    tenant: str
    backup: str
    last: str
    documents: int


class CheckBackup(Check):
    """A backup can be read, and is not empty when the one before was not."""

    name: ClassVar[str] = "backup.check"
    params = CheckParams

    def apply(self, ports: WritePorts, params: CheckParams, call: Call) -> JsonMap:
        store = ports.store(ports.inventory.tenants[params.tenant].backup_store)
        found = manifests.require_manifest(store, params.tenant, params.backup, signers=signers(ports))
        documents = found.total().documents
        if params.documents and not documents:
            raise VerificationError(
                f"cannot trust backup '{params.backup}' of '{params.tenant}': it holds 0 documents, "
                f"'{params.last}' before it held {params.documents}",
                hint=f"Look at the tenant's data; the older one stays: `drp backups list {params.tenant}`.",
                page="D3",
            )
        return {"backup": params.backup, "documents": documents, "began": found.began}


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreParams(InstanceParams):
    """``ttl_monitor``: whether expired documents may be removed once the data are in."""

    backup: str
    ttl_monitor: bool = True


class RestoreBackup(DataAction[RestoreParams]):
    """Make the instance's databases hold exactly what a backup holds; what is equal already is kept."""

    name: ClassVar[str] = "backup.restore"
    params = RestoreParams
    job: ClassVar[str] = "restore"

    def apply(self, ports: WritePorts, params: RestoreParams, call: Call) -> JsonMap:
        instance = Instance.parse(params.instance)
        tenant = ports.inventory.tenants[instance.tenant]
        data, data_secrets = store(ports, tenant.backup_store, "store")
        more: JsonMap = {
            **data,
            "tenant": tenant.name,
            "backup_id": params.backup,
            "signers": signers(ports),
            "ttl_monitor": params.ttl_monitor,
            "managed_users": _managed(ports, instance),
        }
        key = self._open_key(ports, tenant.name, params.backup)
        return self.run(ports, params, call, more=more, secrets={**data_secrets, "data-key": key})

    @staticmethod
    def _open_key(ports: WritePorts, name: str, backup: str) -> Secret:
        """The helper gets this backup's data key, never the tenant's private key."""
        tenant = ports.inventory.tenants[name]
        manifest = manifests.require_manifest(
            ports.store(tenant.backup_store), name, backup, signers=signers(ports)
        )
        block = ports.store(tenant.backup_keys).get(manifest.key_block)
        private = ports.secret(tenant.backup_private)
        return backup_keys.open_data_key(private, block, tenant=name, attempt=manifest.attempt)


def signers(ports: ReadPorts | WritePorts) -> JsonMap:
    """Site -> base64 public key of all who may sign a manifest."""
    return {site: signer.public for site, signer in ports.inventory.signers.items()}
