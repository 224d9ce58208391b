"""The simulated server: one command in, the raw reply out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import RLock
from typing import Any

import bson
from bson.binary import UUID_SUBTYPE, Binary
from bson.raw_bson import RawBSONDocument
from bson.timestamp import Timestamp

from drp.dataplane.mongodb.server import Bulk, Server
from drp.dataplane.walk import iter_elements, split_documents
from drp.testing.simmongo.collections import SimCollection, SimWorld, raw_id, refuse
from drp.testing.simmongo.grants import OK, Grants
from drp.testing.simmongo.reads import (
    FIRST_DOCUMENTS,
    SimCursor,
    list_reply,
    open_cursor,
    render_batch,
)

Handler = Callable[[str, Mapping[str, Any]], bytes]
Hook = Callable[["SimMongo", str, Mapping[str, Any]], None]
_ZERO = bytes(8)
_BUCKETS = "system.buckets."


class SimMongo(SimWorld):
    """``hooks`` are called before each command: with the server, the command's name and its fields.

    ``knows_bypass``: whether insert knows bypassEmptyTsReplacement; ``batch_bytes`` bounds a batch;
    How far back it can be read is its parameter minSnapshotHistoryWindowInSeconds.
    """

    def __init__(self, *, replica_set: str | None = "rs0", knows_bypass: bool = False) -> None:
        super().__init__()
        self.replica_set = replica_set
        self.knows_bypass = knows_bypass
        self.knows_timeseries_indexes = True
        self.is_primary = True
        self.batch_bytes = 16 * 2**20
        self.parameters: dict[str, Any] = {
            "ttlMonitorEnabled": True,
            "minSnapshotHistoryWindowInSeconds": 300,
        }
        self.operations: list[dict[str, Any]] = [{"client": "10.0.0.2:4711", "appName": "drp"}]
        self.hooks: list[Hook] = []
        self.sent: list[str] = []
        self._cursors: dict[int, SimCursor] = {}
        self._lock = RLock()
        self._commands: dict[str, Handler] = self._table() | Grants(self).commands
        if replica_set is None:
            del self._commands["appendOplogNote"]
        self.ensure("admin", "system.version").add(
            bson.encode({"_id": "featureCompatibilityVersion"}), self.now
        )
        for name in ("system.users", "system.roles"):
            self.ensure("admin", name)

    def _table(self) -> dict[str, Handler]:
        return {
            "hello": self._hello,
            "ping": lambda _database, _command: OK,
            "listCommands": self._list_commands,
            "listDatabases": self._list_databases,
            "listCollections": self._list_collections,
            "listIndexes": self._list_indexes,
            "find": self._find,
            "getMore": self._get_more,
            "killCursors": self._kill_cursors,
            "count": self._count,
            "dbStats": lambda _database, _command: bson.encode({"dataSize": 0.0, "ok": 1.0}),
            "appendOplogNote": self._note,
            "create": self._create,
            "drop": self._drop,
            "insert": self._insert,
            "update": self._update,
            "delete": self._delete,
            "applyOps": self._apply,
            "createIndexes": self._create_indexes,
            "dropIndexes": self._drop_indexes,
            "getParameter": self._get_parameter,
            "setParameter": self._set_parameter,
            "currentOp": self._current_op,
        }

    # the port

    def command(self, database: str, command: Mapping[str, Any]) -> bytes:
        name = next(iter(command))
        with self._lock:
            self.sent.append(name)
            for hook in list(self.hooks):
                hook(self, name, command)
            if name not in self._commands:
                raise refuse(59, f"no such command: '{name}'")
            return self._commands[name](database, command)

    @contextmanager
    def session(self) -> Iterator[Server]:
        yield self

    # reading

    def _hello(self, _database: str, _command: Mapping[str, Any]) -> bytes:
        name = {"setName": self.replica_set} if self.replica_set else {}
        return bson.encode({"isWritablePrimary": self.is_primary, "maxWireVersion": 13, **name, "ok": 1.0})

    def _list_commands(self, _database: str, _command: Mapping[str, Any]) -> bytes:
        return bson.encode({"commands": {name: {} for name in sorted(self._commands)}, "ok": 1.0})

    def _list_databases(self, _database: str, _command: Mapping[str, Any]) -> bytes:
        names = sorted({c.database for c in self.collections if not c.dropped} | {"local"})
        return bson.encode({"databases": [{"name": name} for name in names], "ok": 1.0})

    def _list_collections(self, database: str, command: Mapping[str, Any]) -> bytes:
        wanted = command.get("filter", {}).get("name")
        entries = [
            _describe(c)
            for c in self.collections
            if c.database == database and not c.dropped and wanted in (None, c.name)
        ]
        return list_reply(f"{database}.$cmd.listCollections", entries)

    def _list_indexes(self, database: str, command: Mapping[str, Any]) -> bytes:
        """Without includeBuildUUIDs an unfinished build looks like a finished one."""
        collection = self.require(database, str(command["listIndexes"]))
        if collection.type == "timeseries" and not self.knows_timeseries_indexes:
            raise refuse(166, "CommandNotSupportedOnView")
        entries = collection.indexes
        if not command.get("includeBuildUUIDs"):
            entries = [_finished(raw) for raw in entries]
        return list_reply(f"{database}.{collection.name}", entries)

    def _find(self, database: str, command: Mapping[str, Any]) -> bytes:
        concern = command.get("readConcern", {})
        time = concern.get("atClusterTime") if concern.get("level") == "snapshot" else None
        source = command["find"]
        collection = (
            self._by_uuid(bytes(source)) if isinstance(source, bytes) else self.find(database, source)
        )
        if time is not None:
            self._check_time(time)
            _check_readable(collection, time)
        cursor = open_cursor(collection, command, database=database, time=time, now=self.now)
        return self._reply(cursor, cursor.take(self._first(command), self.batch_bytes), field="firstBatch")

    @staticmethod
    def _first(command: Mapping[str, Any]) -> int:
        size: int = command.get("batchSize", FIRST_DOCUMENTS)
        return size

    def _get_more(self, _database: str, command: Mapping[str, Any]) -> bytes:
        cursor = self._cursors.pop(command["getMore"], None)
        if cursor is None:
            raise refuse(43, "cursor not found")
        if cursor.time is not None:
            self._check_time(cursor.time)
            if cursor.collection and cursor.collection.changed > cursor.time:
                raise refuse(175, "QueryPlanKilled: collection dropped or renamed")
        batch = cursor.take(command.get("batchSize", 2**31), self.batch_bytes)
        return self._reply(cursor, batch, field="nextBatch")

    def _reply(self, cursor: SimCursor, batch: list[Any], *, field: str) -> bytes:
        number = 0
        if cursor.waiting:
            number = len(self.sent) + 1000
            self._cursors[number] = cursor
        return render_batch(cursor, batch, number=number, field=field)

    def _kill_cursors(self, _database: str, command: Mapping[str, Any]) -> bytes:
        for number in command["cursors"]:
            self._cursors.pop(number, None)
        return OK

    def _check_time(self, time: Timestamp) -> None:
        if self.replica_set is None:
            raise refuse(123, "a standalone has no snapshot reads")
        if time > self.now:
            raise refuse(72, "a time in the future")
        if self.now.time - time.time > self.parameters["minSnapshotHistoryWindowInSeconds"]:
            raise refuse(239, "SnapshotTooOld")

    def _by_uuid(self, uuid: bytes) -> SimCollection | None:
        found = next((c for c in self.collections if c.uuid == uuid and not c.dropped), None)
        if found is None:
            raise refuse(26, "NamespaceNotFound")
        return found

    def _count(self, database: str, command: Mapping[str, Any]) -> bytes:
        return bson.encode({"n": len(self.documents(database, str(command["count"]))), "ok": 1.0})

    # writing

    def _note(self, _database: str, _command: Mapping[str, Any]) -> bytes:
        return bson.encode({"ok": 1.0, "operationTime": self.tick()})

    def _create(self, database: str, command: Mapping[str, Any]) -> bytes:
        name = str(command["create"])
        if self.find(database, name):
            raise refuse(48, f"Collection {database}.{name} already exists")
        options = {n: v for n, v in command.items() if n not in ("create", "idIndex", "writeConcern")}
        kind = "view" if "viewOn" in options else "timeseries" if "timeseries" in options else "collection"
        made = self.ensure(database, name, options=bson.encode(options), kind=kind)
        if kind == "collection":
            made.id_index = bson.encode(self._id_index(command))
            made.indexes = [made.id_index]
        if kind == "timeseries":
            self.ensure(database, _BUCKETS + name).indexes = []
        return OK

    @staticmethod
    def _id_index(command: Mapping[str, Any]) -> Mapping[str, Any]:
        usual: dict[str, Any] = {"v": 2, "key": {"_id": 1}, "name": "_id_"}
        if "collation" in command:
            usual["collation"] = command["collation"]
        found: Mapping[str, Any] = command.get("idIndex", usual)
        return found

    def _drop(self, database: str, command: Mapping[str, Any]) -> bytes:
        collection = self.require(database, str(command["drop"]))
        self.remove(database, collection.name)
        if collection.type == "timeseries":
            self.remove(database, _BUCKETS + collection.name)
        return OK

    def _insert(self, database: str, command: Mapping[str, Any]) -> bytes:
        if "bypassEmptyTsReplacement" in command and not self.knows_bypass:
            raise refuse(40415, "BSON field 'insert.bypassEmptyTsReplacement' is an unknown field")
        collection = self.ensure(database, str(command["insert"]))
        documents = [raw for given in command["documents"] for raw in _expand(given)]
        if len(documents) > 100_000:
            raise refuse(2, "Write batch sizes must be between 1 and 100000")
        errors = []
        for index, raw in enumerate(documents):
            if collection.find(raw_id(raw)):
                errors.append({"index": index, "code": 11000, "errmsg": "E11000 duplicate key error"})
                continue
            time = self.tick()
            keep = bool(command.get("bypassEmptyTsReplacement")) or collection.name.startswith(_BUCKETS)
            collection.add(raw if keep else _stamp(raw, time), time)
        failed = {"writeErrors": errors} if errors else {}
        return bson.encode({"n": len(documents) - len(errors), **failed, "ok": 1.0})

    def _update(self, database: str, command: Mapping[str, Any]) -> bytes:
        """Only a pipeline that replaces one document: nothing is stamped."""
        (update,) = command["updates"]
        found = self.require(database, str(command["update"])).find(
            raw_id(bson.encode({"_id": update["q"]["_id"]["$eq"]}))
        )
        if found is not None:
            found.raw = bytes(update["u"][0]["$replaceWith"]["$literal"].raw)
        return bson.encode({"n": int(found is not None), "ok": 1.0})

    def _delete(self, database: str, command: Mapping[str, Any]) -> bytes:
        collection = self.require(database, str(command["delete"]))
        gone = collection.documents(self.now)
        time = self.tick()
        for record in gone:
            collection.remove(record, time)
        return bson.encode({"n": len(gone), "ok": 1.0})

    def _apply(self, _database: str, command: Mapping[str, Any]) -> bytes:
        """``i`` on an ``_id`` that is there replaces the document in its place; nothing is stamped."""
        for entry in command["applyOps"]:
            database, _, name = entry["ns"].partition(".")
            collection = self.find(database, name)
            if collection is None or bytes(entry["ui"]) != collection.uuid:
                raise refuse(26, "NamespaceNotFound")
            raw = bytes(entry["o"].raw)
            there = collection.find(raw_id(raw))
            if there:
                there.raw = raw
            else:
                collection.add(raw, self.tick())
        return OK

    def _create_indexes(self, database: str, command: Mapping[str, Any]) -> bytes:
        collection = self.require(database, str(command["createIndexes"]))
        names = {bson.decode(_finished(raw))["name"] for raw in collection.indexes}
        default = collection.settings.get("collation")
        specs = [_collate(bytes(spec.raw), default) for spec in command["indexes"]]
        collection.indexes += [raw for raw in specs if bson.decode(raw)["name"] not in names]
        return OK

    def _drop_indexes(self, database: str, command: Mapping[str, Any]) -> bytes:
        collection = self.require(database, str(command["dropIndexes"]))
        collection.indexes = [
            raw for raw in collection.indexes if bson.decode(raw).get("name") != command["index"]
        ]
        return OK

    # the server itself

    def _get_parameter(self, _database: str, command: Mapping[str, Any]) -> bytes:
        return bson.encode({n: self.parameters[n] for n in command if n in self.parameters} | {"ok": 1.0})

    def _set_parameter(self, _database: str, command: Mapping[str, Any]) -> bytes:
        self.parameters |= {name: value for name, value in command.items() if name in self.parameters}
        return OK

    def _current_op(self, _database: str, _command: Mapping[str, Any]) -> bytes:
        return bson.encode({"inprog": self.operations, "ok": 1.0})


def _check_readable(collection: SimCollection | None, time: Timestamp) -> None:
    """By name, what is not there any more reads as empty, without an error: the trap."""
    if collection is None:
        return
    if collection.changed > time:
        raise refuse(246, "SnapshotUnavailable: pending catalog changes")
    if collection.settings.get("capped"):
        raise refuse(246, "SnapshotUnavailable: capped")


def _describe(collection: SimCollection) -> bytes:
    info: dict[str, Any] = {"readOnly": collection.type == "view"}
    if collection.type == "collection":
        info["uuid"] = Binary(collection.uuid, UUID_SUBTYPE)
    entry: dict[str, Any] = {
        "name": collection.name,
        "type": collection.type,
        "options": RawBSONDocument(collection.options),
        "info": info,
    }
    if collection.type == "collection" and collection.id_index is not None:
        entry["idIndex"] = RawBSONDocument(collection.id_index)
    return bson.encode(entry)


def _finished(raw: bytes) -> bytes:
    entry = RawBSONDocument(raw)
    return bytes(entry["spec"].raw) if "buildUUID" in entry else raw


def _collate(spec: bytes, default: Any) -> bytes:
    """An index takes its collection's collation unless it names one; the simple one is not told."""
    fields = dict(RawBSONDocument(spec).items())
    if "collation" not in fields:
        return spec if default is None else bson.encode({**fields, "collation": default})
    if fields["collation"]["locale"] == "simple":
        del fields["collation"]
        return bson.encode(fields)
    return spec


def _expand(given: Any) -> list[bytes]:
    if isinstance(given, Bulk):
        return [bytes(view) for view in split_documents(given.raw)]
    return [bytes(given.raw) if isinstance(given, RawBSONDocument) else bson.encode(given)]


def _stamp(raw: bytes, time: Timestamp) -> bytes:
    """A top-level Timestamp(0, 0) becomes the server's time, except as a first ``_id``."""
    stamped = bytearray(raw)
    for element in iter_elements(raw):
        if element.kind == 0x11 and element.name != b"_id" and raw[element.value : element.end] == _ZERO:
            stamped[element.value : element.end] = time.inc.to_bytes(4, "little") + time.time.to_bytes(
                4, "little"
            )
    return bytes(stamped)
