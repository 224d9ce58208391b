"""One attempt at a backup, under names and a data key of its own: what a broken one leaves is never used."""

from __future__ import annotations

import base64
import secrets
from collections import deque
from dataclasses import replace

import zstandard

from drp.dataplane import keys
from drp.dataplane.flow import ByteQueue, run_flow
from drp.dataplane.frames import Scope, Sealer
from drp.dataplane.job import Context
from drp.dataplane.jobs.params import BackupParams
from drp.dataplane.jobs.streams import Task, iter_mongodb_tasks, iter_redis_tasks
from drp.dataplane.manifest import Catalog, DataKey, Manifest, backup_prefix
from drp.dataplane.mongodb.archive import Archive, render_archive
from drp.dataplane.mongodb.server import Server
from drp.dataplane.mongodb.sources import SCAN
from drp.dataplane.mongodb.state import State, estimate_bytes, open_state
from drp.dataplane.mongodb.users import load_grants
from drp.dataplane.packs import Piece, sha256
from drp.dataplane.reading import CATALOG, catalog_head
from drp.dataplane.store import Store
from drp.dataplane.writing import PackShelf

_READERS, _WRITERS = 2, 3


class Attempt:
    """``run`` once."""

    def __init__(self, context: Context, params: BackupParams, store: Store) -> None:
        self._context = context
        self._params = params
        self._store = store
        self._id = secrets.token_hex(8)
        self._began = context.doors.now()
        self._key = keys.new_data_key()
        self._prefix = f"{backup_prefix(params.tenant, params.backup_id)}{self._id}"
        scope = Scope(tenant=params.tenant, backup_id=params.backup_id, attempt=self._id)
        self._sealer = Sealer(self._key, scope)

    def run(self, server: Server | None, *, snapshot: bool) -> Manifest:
        """Writes everything but the manifest. Raises SnapshotLostError."""
        data_key = self._put_key_block()
        state = open_state(server, self._params.backup_id, snapshot=snapshot) if server else None
        tasks = list(iter_mongodb_tasks(state)) if state else []
        if self._params.redis:
            tasks += iter_redis_tasks(self._context, self._params.redis, first=len(tasks))
        if server:
            self._context.report.total = estimate_bytes(server)
        shelf = PackShelf(self._store, self._sealer, f"{self._prefix}/")
        self._read_all(tasks, shelf)
        time = state.time if state else None
        return Manifest(
            tenant=self._params.tenant,
            backup_id=self._params.backup_id,
            attempt=self._id,
            env=self._params.env,
            site=self._params.site,
            began=self._began.isoformat(),
            ended=self._context.doors.now().isoformat(),
            mode=state.mode if state else SCAN,
            cluster_time=None if time is None else (time.time, time.inc),
            data_key=data_key,
            catalog=self._put_catalog(server, state),
            streams=tuple(replace(task.stream, tally=task.tally) for task in tasks),
            packs=shelf.packs,
            notes=state.listing.notes if state else (),
        )

    def _put_key_block(self) -> DataKey:
        """First of all: a backup whose data key is not safe is worth nothing."""
        params = self._params
        public = base64.b64decode(params.public_key)
        block = keys.seal_data_key(public, self._key, tenant=params.tenant, attempt=self._id)
        name = f"{self._prefix}.key"
        self._context.open_store("keys", params.keys).put_once(name, block)
        return DataKey(
            id=keys.build_key_id(public),
            block=name,
            block_sha256=sha256(block),
            check=keys.build_check_value(self._key),
        )

    def _read_all(self, tasks: list[Task], shelf: PackShelf) -> None:
        """Some threads read collections, others seal and send; pieces between them are bounded by bytes."""
        queue: ByteQueue[Piece] = ByteQueue()
        waiting = deque(tasks)

        def emit(piece: Piece) -> None:
            queue.put(piece, len(piece.raw))
            self._context.report.advance(len(piece.raw))

        def produce() -> None:
            while True:
                try:
                    task = waiting.popleft()
                except IndexError:
                    return
                task.tally = task.read(emit)

        run_flow(queue, [produce] * _READERS, [lambda: shelf.work(queue)] * _WRITERS)

    def _put_catalog(self, server: Server | None, state: State | None) -> Catalog:
        archive = Archive()
        if server and state:
            grants = load_grants(server, without=self._params.exclude_users)
            archive = Archive(collections=state.listing.collections, grants=grants)
        raw = render_archive(archive)
        body = zstandard.ZstdCompressor().compress(raw)
        sealed = self._sealer.seal(CATALOG, catalog_head(len(raw)), body)
        name = f"{self._prefix}/catalog.enc"
        self._store.put_once(name, sealed)
        return Catalog(object=name, sha256=sha256(sealed), bytes=len(sealed), raw_bytes=len(raw))
