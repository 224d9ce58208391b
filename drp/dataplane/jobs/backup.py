"""Job ``backup``: a base backup of both databases, written while the tenant may go on serving."""

from __future__ import annotations

import base64
from contextlib import ExitStack

from drp.dataplane import keys
from drp.dataplane.job import Context
from drp.dataplane.jobs.attempt import Attempt
from drp.dataplane.jobs.params import BackupParams
from drp.dataplane.manifest import Manifest, find_manifest, require_manifest, seal_manifest, summary
from drp.dataplane.mongodb.sources import TOO_OLD, SnapshotLostError
from drp.dataplane.mongodb.window import widened_window
from drp.dataplane.store import Store
from drp.errors import ConflictError
from drp.model.values import Json, JsonMap

_SNAPSHOT_TRIES = 3


def run_backup(context: Context) -> JsonMap:
    """Takes the backup, or answers from its manifest when it is already there."""
    params = context.parse(BackupParams)
    signing = context.require_secret("signing")
    own_key = base64.b64encode(keys.public_of(signing)).decode("ascii")
    signers: dict[str, Json] = {params.site: own_key}
    store = context.open_store("store", params.store)
    found = find_manifest(store, params.tenant, params.backup_id, signers=signers)
    if found is not None:
        return summary(found)
    manifest = _take(context, params, store)
    try:
        store.put_once(manifest.object, seal_manifest(manifest, signing))
    except ConflictError:
        pass  # another attempt at this backup was first: its manifest is the backup
    return summary(require_manifest(store, params.tenant, params.backup_id, signers=signers))


def _take(context: Context, params: BackupParams, store: Store) -> Manifest:
    """A snapshot that is lost on the way is tried again as a whole, at a later time; then a scan is taken."""
    with ExitStack() as stack:
        server = stack.enter_context(context.open_mongodb(params.mongodb)) if params.mongodb else None
        for _ in range(_SNAPSHOT_TRIES):
            try:
                return Attempt(context, params, store).run(server, snapshot=True)
            except SnapshotLostError as error:
                if error.code == TOO_OLD and server:
                    stack.enter_context(widened_window(server))
        return Attempt(context, params, store).run(server, snapshot=False)
