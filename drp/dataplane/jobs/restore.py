"""Job ``restore``: both databases made to hold exactly what one backup holds.

What is equal already is kept, so a second restore, of a later backup, moves only what has changed.
"""

from __future__ import annotations

from collections.abc import Sequence

from drp.dataplane import walk
from drp.dataplane.cache.loading import empty_database, load_records
from drp.dataplane.cache.scan import list_databases
from drp.dataplane.job import Context
from drp.dataplane.jobs.params import RestoreParams
from drp.dataplane.jobs.refill import Refill
from drp.dataplane.manifest import Manifest, Stream, require_manifest
from drp.dataplane.mongodb.archive import parse_archive
from drp.dataplane.places import CacheEndpoint
from drp.dataplane.reading import BackupReader, Completeness
from drp.model.values import JsonMap


def run_restore(context: Context) -> JsonMap:
    """What was restored. Raises NotFoundError, DeniedError (wrong data key), VerificationError."""
    params = context.parse(RestoreParams)
    store = context.open_store("store", params.store)
    manifest = require_manifest(store, params.tenant, params.backup_id, signers=dict(params.signers))
    reader = BackupReader(store, manifest, context.require_secret("data-key"))
    result: JsonMap = {"manifest_sha256": manifest.sha256, "mode": manifest.mode}
    if params.mongodb:
        archive = parse_archive(reader.load_catalog())
        with context.open_mongodb(params.mongodb) as server:
            refill = Refill(server, reader, manifest=manifest, report=context.report)
            result |= refill.run(archive, params)
    if params.redis:
        result["redis"] = _restore_redis(context, params.redis, reader=reader, manifest=manifest)
    return result


def _restore_redis(
    context: Context, endpoint: CacheEndpoint, *, reader: BackupReader, manifest: Manifest
) -> JsonMap:
    """Every database is emptied first: what is not in the backup is gone, whatever broke off before."""
    with context.open_cache(endpoint) as cache:
        present = list_databases(cache)
    streams = {int(stream.name): stream for stream in manifest.redis}
    for database in sorted({*present, *streams}):
        with context.open_cache(endpoint, database) as cache:
            empty_database(cache)
    alive = sum(
        _load_database(context, endpoint, reader=reader, stream=stream) for stream in streams.values()
    )
    return {"keys": alive, "expired": sum(s.tally.documents for s in streams.values()) - alive}


def _load_database(context: Context, endpoint: CacheEndpoint, *, reader: BackupReader, stream: Stream) -> int:
    complete, alive = Completeness(), 0
    with context.open_cache(endpoint, int(stream.name)) as cache:
        for part in reader.iter_ordered(stream):
            records: Sequence[bytes] = [bytes(view) for view in walk.split_documents(part.raw)]
            alive += load_records(cache, records)
            complete.count(part)
    complete.check([stream])
    return alive
