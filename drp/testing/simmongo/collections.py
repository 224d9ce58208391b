"""Collections that remember: every document with the times at which it came and went."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

import bson
from bson.raw_bson import RawBSONDocument
from bson.timestamp import Timestamp

from drp.dataplane.mongodb.server import command_error
from drp.dataplane.walk import find_element

NEVER = Timestamp(2**32 - 1, 0)
EMPTY = bson.encode({})
USUAL_ID_INDEX = bson.encode({"v": 2, "key": {"_id": 1}, "name": "_id_"})


@dataclass(slots=True, kw_only=True)
class Record:
    """``number``: the record id, in natural order."""

    number: int
    raw: bytes
    born: Timestamp
    died: Timestamp = NEVER

    def is_alive(self, at: Timestamp) -> bool:
        return bool(self.born <= at < self.died)


@dataclass(slots=True, kw_only=True)
class SimCollection:
    """``changed``: when it was created or got its present name; ``indexes`` as listIndexes tells them."""

    database: str
    name: str
    type: str
    options: bytes
    uuid: bytes
    changed: Timestamp
    id_index: bytes | None = USUAL_ID_INDEX
    indexes: list[bytes] = field(default_factory=list)
    dropped: bool = False
    records: list[Record] = field(default_factory=list)
    alive: dict[bytes, Record] = field(default_factory=dict)

    @property
    def namespace(self) -> str:
        return f"{self.database}.{self.name}"

    @property
    def settings(self) -> dict[str, Any]:
        return dict(RawBSONDocument(self.options).items())

    def documents(self, at: Timestamp) -> list[Record]:
        """What was there at a time, in natural order."""
        return [record for record in self.records if record.is_alive(at)]

    def add(self, raw: bytes, at: Timestamp) -> None:
        """A capped collection lets its oldest documents go."""
        record = Record(number=len(self.records) + 1, raw=raw, born=at)
        self.records.append(record)
        self.alive[raw_id(raw)] = record
        settings = self.settings if self.options != EMPTY else {}
        while settings.get("capped") and self._is_overfull(settings):
            self.remove(next(iter(self.alive.values())), at)

    def _is_overfull(self, settings: dict[str, Any]) -> bool:
        too_many = "max" in settings and len(self.alive) > settings["max"]
        return too_many or sum(len(record.raw) for record in self.alive.values()) > int(settings["size"])

    def find(self, key: bytes) -> Record | None:
        """The living document with this ``_id`` (type and value as raw bytes)."""
        return self.alive.get(key)

    def remove(self, record: Record, at: Timestamp) -> None:
        record.died = at
        del self.alive[raw_id(record.raw)]


class SimWorld:
    """All collections of one server; ``now`` moves on by one at every write."""

    def __init__(self) -> None:
        self.now = Timestamp(1_930_000_000, 1)
        self.collections: list[SimCollection] = []

    def tick(self, seconds: int = 0) -> Timestamp:
        """A later time: of the next write, or so many seconds on."""
        self.now = Timestamp(self.now.time + seconds, 1 if seconds else self.now.inc + 1)
        return self.now

    def find(self, database: str, name: str) -> SimCollection | None:
        """The collection of this name now."""
        for collection in self.collections:
            if not collection.dropped and (collection.database, collection.name) == (database, name):
                return collection
        return None

    def ensure(
        self, database: str, name: str, *, options: bytes = EMPTY, kind: str = "collection"
    ) -> SimCollection:
        """The collection, made if it is not there."""
        found = self.find(database, name)
        if found is None:
            found = SimCollection(
                database=database,
                name=name,
                type=kind,
                options=options,
                uuid=new_uuid(),
                changed=self.tick(),
                indexes=[USUAL_ID_INDEX] if kind == "collection" else [],
            )
            self.collections.append(found)
        return found

    def require(self, database: str, name: str) -> SimCollection:
        """Raises the refusal of a server."""
        found = self.find(database, name)
        if found is None:
            raise refuse(26, f"ns does not exist: {database}.{name}")
        return found

    def documents(self, database: str, name: str) -> list[bytes]:
        """Raw documents now, in natural order."""
        found = self.find(database, name)
        return [] if found is None else [record.raw for record in found.documents(self.now)]

    def rename(self, database: str, name: str, to: str) -> None:
        found = self.require(database, name)
        found.name, found.changed = to, self.tick()

    def remove(self, database: str, name: str) -> None:
        found = self.require(database, name)
        found.dropped, found.changed = True, self.tick()


def refuse(code: int, words: str) -> Exception:
    """The error a client would see."""
    return command_error(f"cannot run a command: {words}", code)


def raw_id(raw: bytes) -> bytes:
    """Type and value of ``_id``."""
    element = find_element(raw, b"_id")
    return b"" if element is None else bytes([element.kind]) + raw[element.value : element.end]


def new_uuid() -> bytes:
    return uuid.uuid4().bytes
