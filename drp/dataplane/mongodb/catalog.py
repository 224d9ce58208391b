"""What a server holds: every collection with all its options and every finished index, as raw bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bson.raw_bson import RawBSONDocument

from drp.dataplane.mongodb.cursors import list_documents
from drp.dataplane.mongodb.server import CommandError, NamespaceMissingError, Server, read, require_raw
from drp.errors import RejectedError

_SERVERS_OWN = frozenset({"local", "config"})
_BUCKETS = "system.buckets."
_KEPT_SYSTEM = frozenset({"system.js"})  # functions that an application stored
EMPTY_DOCUMENT = b"\x05\0\0\0\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionInfo:
    """``type``: collection, view or timeseries. Options and indexes are raw BSON documents.

    ``indexed``: the collection under whose name the server tells the indexes.
    """

    database: str
    name: str
    type: str
    options: bytes = EMPTY_DOCUMENT
    uuid: bytes | None = None
    id_index: bytes | None = None
    indexes: tuple[bytes, ...] = ()
    indexed: str = ""

    @property
    def namespace(self) -> str:
        return f"{self.database}.{self.name}"

    @property
    def has_documents(self) -> bool:
        return self.type != "view"

    @property
    def is_capped(self) -> bool:
        return bool(read(self.options).get("capped"))

    @property
    def storage(self) -> str:
        """The collection that holds the documents: a time series keeps them in buckets."""
        return _BUCKETS + self.name if self.type == "timeseries" else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Sorted by database and name; ``notes`` tell what is left out, and why."""

    collections: tuple[CollectionInfo, ...]
    notes: tuple[str, ...] = ()


def list_collections(server: Server) -> Listing:
    """Everything that belongs to the tenant. Raises RejectedError for a form of time series not known."""
    collections: list[CollectionInfo] = []
    notes: list[str] = []
    for database in list_databases(server):
        entries = [
            read(raw) for raw in list_documents(server, database, {"listCollections": 1, "cursor": {}})
        ]
        names = {entry["name"] for entry in entries}
        for entry in entries:
            reason = find_reason_to_skip(database, entry, names)
            if reason is None:
                info, unfinished = _complete(server, database, entry, entries)
                collections.append(info)
                notes += unfinished
            elif reason:
                notes.append(f"{database}.{entry['name']}: {reason}")
    ordered = sorted(collections, key=lambda info: (info.database, info.name))
    return Listing(collections=tuple(ordered), notes=tuple(sorted(notes)))


def list_databases(server: Server) -> list[str]:
    """Names of all databases but those the server keeps for itself."""
    reply = read(server.command("admin", {"listDatabases": 1, "nameOnly": True}))
    return sorted(str(entry["name"]) for entry in reply["databases"] if entry["name"] not in _SERVERS_OWN)


def find_reason_to_skip(database: str, entry: RawBSONDocument, names: set[str]) -> str | None:
    """None: it is the tenant's. Empty: it is the server's own affair. Else what to tell about it."""
    name = str(entry["name"])
    if entry.get("options", {}).get("temp"):
        return "temporary, left over by an aggregation"
    if name.startswith(_BUCKETS) and name.removeprefix(_BUCKETS) in names:
        return ""
    if not name.startswith("system.") or name in _KEPT_SYSTEM:
        return None
    if database == "admin" or name in {"system.views", "system.profile"}:
        return ""
    return "kept by the server, not known to be copied"


def _complete(
    server: Server, database: str, entry: RawBSONDocument, entries: list[RawBSONDocument]
) -> tuple[CollectionInfo, list[str]]:
    """The entry with its indexes; a time series has the UUID of its buckets."""
    name, kind = str(entry["name"]), str(entry.get("type", "collection"))
    holder = entry
    if kind == "timeseries":
        holder = _require_buckets(database, name, entries)
    uuid = holder.get("info", {}).get("uuid")
    indexed, indexes, unfinished = _find_indexes(server, database, name, kind)
    info = CollectionInfo(
        database=database,
        name=name,
        type=kind,
        options=require_raw(entry["options"]) if "options" in entry else EMPTY_DOCUMENT,
        uuid=None if uuid is None else bytes(uuid),
        id_index=require_raw(entry["idIndex"]) if "idIndex" in entry else None,
        indexes=indexes,
        indexed=indexed,
    )
    return info, [f"{info.namespace}: index '{index}' is not built yet" for index in unfinished]


def _find_indexes(
    server: Server, database: str, name: str, kind: str
) -> tuple[str, tuple[bytes, ...], list[str]]:
    if kind == "view":
        return name, (), []
    try:
        return name, *list_indexes(server, database, name)
    except CommandError:
        if kind != "timeseries":
            raise
        return _BUCKETS + name, *list_indexes(server, database, _BUCKETS + name)


def _require_buckets(database: str, name: str, entries: list[RawBSONDocument]) -> RawBSONDocument:
    for entry in entries:
        if entry["name"] == _BUCKETS + name:
            return entry
    raise RejectedError(
        f"cannot copy time series '{database}.{name}': the server shows no collection of its buckets"
    )


def list_indexes(server: Server, database: str, name: str) -> tuple[tuple[bytes, ...], list[str]]:
    """(finished specifications, names of unfinished ones), sorted by name.

    Without includeBuildUUIDs a server shows unfinished builds as if they were finished.
    """
    found: list[tuple[str, bytes]] = []
    unfinished: list[str] = []
    for raw in _iter_index_entries(server, database, name):
        entry = read(raw)
        if "buildUUID" in entry or "indexBuildInfo" in entry:
            unfinished.append(str(entry["spec"]["name"]))
        else:
            found.append((str(entry["name"]), require_raw(entry["spec"]) if "spec" in entry else raw))
    return tuple(raw for _, raw in sorted(found)), sorted(unfinished)


def _iter_index_entries(server: Server, database: str, name: str) -> Iterator[bytes]:
    command = {"listIndexes": name, "cursor": {}}
    try:
        yield from list_documents(server, database, {**command, "includeBuildUUIDs": True})
    except NamespaceMissingError:
        return  # dropped meanwhile, or a collection that was never written to
    except CommandError:
        yield from list_documents(server, database, command)
