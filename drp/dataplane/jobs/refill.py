"""A MongoDB made to hold exactly what a backup holds."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock

from drp.dataplane.flow import ByteQueue, run_flow
from drp.dataplane.job import Reporter
from drp.dataplane.jobs.params import RestoreParams
from drp.dataplane.manifest import Manifest
from drp.dataplane.mongodb.archive import Archive
from drp.dataplane.mongodb.capabilities import ask_capabilities
from drp.dataplane.mongodb.catalog import CollectionInfo, list_collections
from drp.dataplane.mongodb.loading import Loader, order_views
from drp.dataplane.mongodb.planning import RestorePlan, is_filled_with, plan_restore
from drp.dataplane.mongodb.server import CommandError, Server
from drp.dataplane.mongodb.sources import SCAN, ScanSource
from drp.dataplane.mongodb.users import restore_grants
from drp.dataplane.reading import BackupReader, Completeness, Part
from drp.model.values import JsonMap

_FETCHERS, _LOADERS, _BUILDERS = 2, 3, 2


@dataclass(slots=True, kw_only=True)
class Inexact:
    """What a base taken by scanning a database in use cannot hold: told, not hidden."""

    doubled: dict[str, int] = field(default_factory=dict)
    indexes: list[str] = field(default_factory=list)


class Refill:
    """``run`` once. Errors: CommandError, UnreachableError, VerificationError for a damaged backup."""

    def __init__(self, server: Server, reader: BackupReader, *, manifest: Manifest, report: Reporter) -> None:
        self._server = server
        self._reader = reader
        self._manifest = manifest
        self._report = report
        self._capabilities = ask_capabilities(server)
        self._loader = Loader(server, self._capabilities)
        self._streams = {f"{s.database}.{s.name}": s for s in manifest.collections}
        self._complete = Completeness()
        self._lock = Lock()
        self._inexact = Inexact()

    def run(self, archive: Archive, params: RestoreParams) -> JsonMap:
        """What was kept, loaded and dropped."""
        with self._ttl_monitor_off(params) as monitored:
            plan = self._plan(archive)
            for info in plan.drop:
                self._loader.drop(info)
            for info in plan.load:
                self._loader.create(info)
            self._load(plan)
            self._build_indexes(plan)
            for info in order_views(plan.views):
                self._loader.create(info)
            grants = restore_grants(
                self._server, self._capabilities, archive.grants, managed=params.managed_users
            )
        return self._tell(plan) | {
            "users": [*grants.written],
            "users_dropped": [*grants.dropped],
            "ttl_monitor": monitored,
        }

    def _tell(self, plan: RestorePlan) -> JsonMap:
        loaded = [self._streams[info.namespace].tally for info in plan.load]
        made = {info.namespace for info in (*plan.load, *plan.views)}
        return {
            "kept": [info.namespace for info in plan.keep],
            "loaded": [info.namespace for info in plan.load],
            "dropped": [info.namespace for info in plan.drop if info.namespace not in made],
            "views": [info.namespace for info in plan.views],
            "documents": sum(tally.documents for tally in loaded),
            "bytes": sum(tally.bytes for tally in loaded),
            "inexact": {"doubled": {**self._inexact.doubled}, "indexes": [*self._inexact.indexes]},
        }

    @contextmanager
    def _ttl_monitor_off(self, params: RestoreParams) -> Iterator[str]:
        """Old documents must not expire while they are loaded, nor before they were compared if so wished."""
        known = self._loader.set_ttl_monitor(enabled=False) is not None
        yield ("on" if params.ttl_monitor else "off") if known else "unknown"
        if known and params.ttl_monitor:
            self._loader.set_ttl_monitor(enabled=True)

    def _plan(self, archive: Archive) -> RestorePlan:
        source = ScanSource(self._server, self._capabilities)

        def is_filled(info: CollectionInfo) -> bool:
            return is_filled_with(self._server, source, info, self._streams[info.namespace].tally)

        found = list_collections(self._server).collections
        return plan_restore(archive.collections, found, is_filled=is_filled)

    def _load(self, plan: RestorePlan) -> None:
        """Collections side by side, several threads each; a capped one by itself and in order."""
        wanted = {self._streams[info.namespace].number: info for info in plan.load}
        self._report.total = sum(self._streams[info.namespace].tally.bytes for info in plan.load)
        free = {number: info for number, info in wanted.items() if not info.is_capped}
        self._load_free(free)
        for number, info in wanted.items():
            if info.is_capped:
                for part in self._reader.iter_ordered(self._streams[info.namespace]):
                    self._insert(wanted[number], part)
        self._complete.check([self._streams[info.namespace] for info in plan.load])

    def _load_free(self, infos: Mapping[int, CollectionInfo]) -> None:
        queue: ByteQueue[Part] = ByteQueue()
        packs = deque(self._reader.find_packs(infos.keys()))

        def fetch() -> None:
            while packs:
                try:
                    pack = packs.popleft()
                except IndexError:
                    return
                for part in self._reader.iter_parts(pack, infos.keys()):
                    queue.put(part, len(part.raw))

        def insert() -> None:
            while (part := queue.get()) is not None:
                self._insert(infos[part.stream], part)

        run_flow(queue, [fetch] * _FETCHERS, [insert] * _LOADERS)

    def _insert(self, info: CollectionInfo, part: Part) -> None:
        twice = self._is_inexact(info)
        again = self._loader.insert(info, part.raw, part.tally.documents, twice=twice)
        self._complete.count(part)
        self._report.advance(len(part.raw))
        if again:
            with self._lock:
                doubled = self._inexact.doubled
                doubled[info.namespace] = doubled.get(info.namespace, 0) + again

    def _is_inexact(self, info: CollectionInfo) -> bool:
        return self._streams[info.namespace].mode == SCAN

    def _build_indexes(self, plan: RestorePlan) -> None:
        """A scan of a collection in use may hold two documents that a unique index does not allow."""

        def build(info: CollectionInfo) -> None:
            try:
                self._loader.build_indexes(info)
            except CommandError as error:
                if not self._is_inexact(info):
                    raise
                with self._lock:
                    self._inexact.indexes.append(f"{info.namespace}: {error.message}")

        with ThreadPoolExecutor(_BUILDERS) as pool:
            list(pool.map(build, (*plan.load, *plan.keep)))
