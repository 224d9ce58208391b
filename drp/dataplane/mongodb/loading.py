"""Loading: collections with all their options, documents put in as they are, indexes built after them."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import Any

import bson
from bson.raw_bson import RawBSONDocument

from drp.dataplane.mongodb.capabilities import Capabilities
from drp.dataplane.mongodb.catalog import CollectionInfo, list_indexes
from drp.dataplane.mongodb.fingerprints import decode, fingerprint_indexes
from drp.dataplane.mongodb.server import (
    DUPLICATE_KEY,
    RAW,
    UNKNOWN_FIELD,
    Bulk,
    CommandError,
    Server,
    check_write,
    read,
)
from drp.dataplane.mongodb.stamps import ensure_stored, find_zero_timestamps
from drp.dataplane.walk import iter_elements
from drp.errors import VerificationError

_NOT_FOR_CREATE = frozenset({"uuid", "recordIdsReplicated", "autoIndexId", "temp"})
_BYPASS = "bypassEmptyTsReplacement"
_DEFAULT_VERSION = 2  # of an index; some servers do not take the field at all


class Loader:
    """Puts collections into one server. Errors: CommandError, UnreachableError, VerificationError."""

    def __init__(self, server: Server, capabilities: Capabilities) -> None:
        self._server = server
        self._capabilities = capabilities
        self._knows_bypass = True

    def drop(self, info: CollectionInfo) -> None:
        """A server does not let its own ``system.js`` go; that one is emptied."""
        if info.name.startswith("system."):
            command: dict[str, Any] = {"delete": info.name, "deletes": [{"q": {}, "limit": 0}]}
            check_write(self._send(info.database, command), what=f"empty '{info.namespace}'")
            return
        try:
            self._send(info.database, {"drop": info.name})
        except CommandError as error:
            if error.code != 26:
                raise

    def create(self, info: CollectionInfo) -> None:
        """All options as they were told, the ``_id`` index included where it is not the usual one."""
        command: dict[str, Any] = {"create": info.name}
        command |= {name: value for name, value in read(info.options).items() if name not in _NOT_FOR_CREATE}
        if info.id_index is not None and not _is_usual(info.id_index):
            command["idIndex"] = _without(info.id_index, "ns")
        if not info.name.startswith("system."):
            self._send(info.database, command)

    def insert(self, info: CollectionInfo, raw: bytes, documents: int, *, twice: bool = False) -> int:
        """Documents laid end to end, byte for byte; order is kept in a capped collection.

        ``twice``: an ``_id`` may come again, as in a scan of a collection in use; how many did is returned.
        """
        zeroes = [] if info.type == "timeseries" else find_zero_timestamps(raw)
        command: dict[str, Any] = {
            "insert": info.storage,
            "documents": [Bulk(raw)],
            "ordered": info.is_capped,
            "bypassDocumentValidation": True,
        }
        reply = self._insert_bypassing(info, command) if zeroes else self._send(info.database, command)
        again = check_write(
            reply,
            what=f"load '{info.namespace}'",
            expected=documents,
            tolerated=DUPLICATE_KEY if twice and not info.is_capped else None,
        )
        if zeroes and not again:
            ensure_stored(self._server, info, zeroes, concern=self._capabilities.write_concern)
        return again

    def build_indexes(self, info: CollectionInfo) -> None:
        """Makes the indexes those of ``info``. Raises VerificationError when they differ afterwards."""
        wanted = fingerprint_indexes(info)
        missing = self._find_missing(info, wanted)
        if missing:
            self._create_indexes(info, missing)
        for extra in sorted(set(self._list(info)) - set(wanted) - {"_id_"}):
            self._send(info.database, {"dropIndexes": info.indexed, "index": extra})
        found = self._list(info)
        if found != wanted:
            names = sorted(name for name in {*found, *wanted} if found.get(name) != wanted.get(name))
            raise VerificationError(
                f"cannot build the indexes of '{info.namespace}': {', '.join(names)} came out different"
            )

    def set_ttl_monitor(self, *, enabled: bool) -> bool | None:
        """The former state, or None when the server has no such monitor to set."""
        try:
            told = read(self._server.command("admin", {"getParameter": 1, "ttlMonitorEnabled": 1}))
            self._server.command("admin", {"setParameter": 1, "ttlMonitorEnabled": enabled})
        except CommandError:
            return None
        return bool(told["ttlMonitorEnabled"])

    def _send(self, database: str, command: Mapping[str, Any]) -> bytes:
        return self._server.command(database, {**command, "writeConcern": self._capabilities.write_concern})

    def _list(self, info: CollectionInfo) -> dict[str, str]:
        indexes, _ = list_indexes(self._server, info.database, info.indexed)
        shown = CollectionInfo(database=info.database, name=info.name, type=info.type, indexes=indexes)
        return fingerprint_indexes(shown)

    def _find_missing(self, info: CollectionInfo, wanted: Mapping[str, str]) -> list[bytes]:
        found = self._list(info)
        for name in sorted(found):
            if name in wanted and found[name] != wanted[name] and name != "_id_":
                self._send(info.database, {"dropIndexes": info.indexed, "index": name})
                del found[name]
        return [raw for raw in info.indexes if _can_be_created(raw) and decode(raw)["name"] not in found]

    def _create_indexes(self, info: CollectionInfo, raws: Iterable[bytes]) -> None:
        collated = "collation" in read(info.options)
        specs = [_with_own_collation(_without(raw, "ns"), collated=collated) for raw in raws]
        try:
            self._send(info.database, {"createIndexes": info.indexed, "indexes": specs})
        except CommandError as error:
            plain = [_without_usual_version(spec) for spec in specs]
            if error.code not in UNKNOWN_FIELD or plain == specs:
                raise
            self._send(info.database, {"createIndexes": info.indexed, "indexes": plain})

    def _insert_bypassing(self, info: CollectionInfo, command: Mapping[str, Any]) -> bytes:
        """A server replaces an outer Timestamp(0, 0) by its own time unless it is told not to."""
        if self._knows_bypass:
            try:
                return self._send(info.database, {**command, _BYPASS: True})
            except CommandError as error:
                if error.code not in UNKNOWN_FIELD:
                    raise
                self._knows_bypass = False
        return self._send(info.database, command)


def order_views(infos: Iterable[CollectionInfo]) -> list[CollectionInfo]:
    """Views, each after the views it looks at."""
    waiting = {info.namespace: info for info in infos}
    ordered: list[CollectionInfo] = []
    while waiting:
        ready = [info for info in waiting.values() if _base_of(info) not in waiting] or [*waiting.values()]
        ordered += ready
        for info in ready:
            del waiting[info.namespace]
    return ordered


def _base_of(info: CollectionInfo) -> str:
    return f"{info.database}.{read(info.options).get('viewOn', '')}"


def _can_be_created(spec: bytes) -> bool:
    """The index on ``_id`` and that of a clustered collection come with the collection."""
    fields = decode(spec)
    return fields["name"] != "_id_" and not fields.get("clustered")


def _is_usual(id_index: bytes) -> bool:
    """If a server makes this ``_id`` index by itself; a collation is that of the collection."""
    fields = decode(id_index)
    return fields.get("v") == _DEFAULT_VERSION and fields.get("key") == {"_id": 1}


def _without(raw: bytes, *names: str) -> RawBSONDocument:
    kept = b"".join(
        raw[element.start : element.end]
        for element in iter_elements(raw)
        if element.name.decode() not in names
    )
    return RawBSONDocument(struct.pack("<i", len(kept) + 5) + kept + b"\0", RAW)


def _with_own_collation(spec: RawBSONDocument, *, collated: bool) -> RawBSONDocument:
    """An index told without a collation compares bytes; unless that is said, it takes its collection's."""
    if not collated or "collation" in spec:
        return spec
    kept = bytes(spec.raw)[4:-1] + bson.encode({"collation": {"locale": "simple"}})[4:-1]
    return RawBSONDocument(struct.pack("<i", len(kept) + 5) + kept + b"\0", RAW)


def _without_usual_version(spec: RawBSONDocument) -> RawBSONDocument:
    return _without(bytes(spec.raw), "v") if spec.get("v") == _DEFAULT_VERSION else spec
