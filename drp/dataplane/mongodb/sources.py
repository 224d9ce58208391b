"""Where documents are read from: the state at one cluster time, or the state as it goes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from bson.binary import UUID_SUBTYPE, Binary
from bson.timestamp import Timestamp

from drp.dataplane.mongodb.capabilities import Capabilities, build_snapshot_read
from drp.dataplane.mongodb.catalog import CollectionInfo
from drp.dataplane.mongodb.cursors import Batch, iter_batches
from drp.dataplane.mongodb.server import CommandError, Server, read
from drp.dataplane.tally import EMPTY, Tally, tally_documents, tally_in_order
from drp.errors import ProviderError, UnreachableError

SNAPSHOT, SCAN = "snapshot", "scan"
TOO_OLD = 239  # SnapshotTooOld
_CURSOR_LOST = 43
_UNAUTHORIZED = 13
_POSITION_LOST = 136  # a capped collection has overwritten what the cursor stood on
_GONE = frozenset({26, 175, 246, TOO_OLD})  # dropped, killed by a drop, changed after the time, too old
_TRIES = 3


class SnapshotLostError(ProviderError):
    """The state at the wanted time cannot be read; ``code`` is the server's, 0 if it said nothing."""

    code: int = 0


class Source(Protocol):
    """Errors: CommandError, UnreachableError, SnapshotLostError."""

    def mode_of(self, info: CollectionInfo, /) -> str:
        """``snapshot`` or ``scan``."""
        ...

    def iter_documents(self, info: CollectionInfo) -> Iterator[list[memoryview]]:
        """All documents of a collection in natural order, as views that live as long as their batch."""
        ...


class ScanSource:
    """Reads what is there while it reads: exact when nobody writes meanwhile."""

    def __init__(self, server: Server, capabilities: Capabilities) -> None:
        self._server = server
        self._concern: dict[str, Any] = (
            {"readConcern": {"level": "majority"}} if capabilities.replica_set else {}
        )

    def mode_of(self, _info: CollectionInfo, /) -> str:
        return SCAN

    def iter_documents(self, info: CollectionInfo) -> Iterator[list[memoryview]]:
        command = {
            "find": info.storage,
            "filter": {},
            "hint": {"$natural": 1},
            "batchSize": 16,
            **self._concern,
        }
        with self._server.session() as session:
            for batch in iter_batches(session, info.database, command, growing=True):
                yield batch.documents


class SnapshotSource:
    """Reads the state at one cluster time by collection UUID; capped collections cannot be read so.

    By name, a collection that was dropped after the time would answer with no documents and no error; that
    is why UUIDs are used and why every reply must repeat the cluster time. An account that may not use UUIDs
    reads by name: then the missing cluster time is the sign.
    """

    def __init__(self, server: Server, capabilities: Capabilities, time: Timestamp) -> None:
        self._server = server
        self._time = time
        self._scan = ScanSource(server, capabilities)
        self._by_name = False

    def mode_of(self, info: CollectionInfo, /) -> str:
        return SCAN if info.is_capped or info.uuid is None else SNAPSHOT

    def iter_documents(self, info: CollectionInfo) -> Iterator[list[memoryview]]:
        if self.mode_of(info) == SCAN:
            yield from self._iter_scan(info)
            return
        token: bytes | None = None
        failures = 0
        while True:
            try:
                for batch in self._iter_from(info, token):
                    yield batch.documents
                    token = batch.token if batch.documents else token
                    failures = 0
                return
            except (UnreachableError, CommandError) as error:
                failures += 1
                self._settle(info, error, failures)

    def _iter_scan(self, info: CollectionInfo) -> Iterator[list[memoryview]]:
        try:
            yield from self._scan.iter_documents(info)
        except CommandError as error:
            if error.code != _POSITION_LOST:
                raise
            raise _lost(info, error.message, error.code) from error

    def _iter_from(self, info: CollectionInfo, token: bytes | None) -> Iterator[Batch]:
        """One cursor; a new one goes on after the last token, at a snapshot always to the same bytes."""
        source = info.storage if self._by_name else Binary(info.uuid or b"", UUID_SUBTYPE)
        command = build_snapshot_read(source, self._time, None if token is None else read(token))
        with self._server.session() as session:
            for batch in iter_batches(session, info.database, command):
                if batch.cluster_time != self._time:
                    raise _lost(info, "the reply does not name the cluster time", 0)
                yield batch

    def _settle(self, info: CollectionInfo, error: UnreachableError | CommandError, failures: int) -> None:
        """Returns when the read may go on from its last token, else raises."""
        if isinstance(error, CommandError):
            if error.code in _GONE:
                raise _lost(info, error.message, error.code) from error
            if error.code == _UNAUTHORIZED and not self._by_name:
                self._by_name = True
            elif error.code != _CURSOR_LOST:
                raise error
        if failures > _TRIES:
            raise error


def _lost(info: CollectionInfo, cause: str, code: int) -> SnapshotLostError:
    error = SnapshotLostError(f"cannot read '{info.namespace}' at the cluster time: {cause}")
    error.code = code
    return error


def tally_batch(info: CollectionInfo, documents: Sequence[bytes | memoryview], before: int) -> Tally:
    """What a batch amounts to; the order of a capped collection counts. ``before``: documents before it."""
    return tally_in_order(documents, before) if info.is_capped else tally_documents(documents)


def measure(source: Source, info: CollectionInfo) -> Tally:
    """Reads a whole collection for its count and digest."""
    total = EMPTY
    for documents in source.iter_documents(info):
        total += tally_batch(info, documents, total.documents)
    return total
