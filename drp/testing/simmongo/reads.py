"""find and getMore of the simulated server: now, or at one cluster time, resumable by token."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import bson
from bson.int64 import Int64
from bson.raw_bson import RawBSONDocument
from bson.timestamp import Timestamp

from drp.testing.simmongo.collections import Record, SimCollection, raw_id, refuse

FIRST_DOCUMENTS = 101
RESUME, REQUEST = "$_resumeAfter", "$_requestResumeToken"


@dataclass(slots=True, kw_only=True)
class SimCursor:
    """``time`` is None for a read of the present, whose documents were picked when it was opened."""

    collection: SimCollection | None
    database: str
    name: str
    waiting: list[Record]
    time: Timestamp | None
    tokens: bool

    def take(self, count: int, most_bytes: int) -> list[Record]:
        """The next documents: a batch is bounded by bytes whatever was asked."""
        taken, size = 0, 0
        for record in self.waiting[:count]:
            size += len(record.raw)
            if taken and size > most_bytes:
                break
            taken += 1
        batch, self.waiting = self.waiting[:taken], self.waiting[taken:]
        return batch


def open_cursor(
    collection: SimCollection | None,
    command: Mapping[str, Any],
    *,
    database: str,
    time: Timestamp | None,
    now: Timestamp,
) -> SimCursor:
    """``time``: of the snapshot. Raises the refusals of a real server."""
    tokens = bool(command.get(REQUEST))
    if tokens and dict(command.get("hint", {})) != {"$natural": 1}:
        raise refuse(2, "$_requestResumeToken needs the hint {$natural: 1}")
    waiting = [] if collection is None else collection.documents(time or now)
    waiting = [record for record in waiting if _fits(record, command.get("filter", {}))]
    if RESUME in command:
        after = command[RESUME]["$recordId"]
        if time is None and all(record.number != after for record in waiting):
            raise refuse(211, "KeyNotFound")
        waiting = [record for record in waiting if record.number > after]
    waiting = waiting[: command.get("limit") or None]
    name = collection.name if collection else str(command["find"])
    return SimCursor(
        collection=collection, database=database, name=name, waiting=waiting, time=time, tokens=tokens
    )


def _fits(record: Record, query: Mapping[str, Any]) -> bool:
    """Only what the data plane asks: everything, or ``{_id: {$eq: value}}``."""
    if "_id" not in query:
        return True
    return raw_id(bson.encode({"_id": query["_id"]["$eq"]})) == raw_id(record.raw)


def render_batch(cursor: SimCursor, batch: list[Record], *, number: int, field: str) -> bytes:
    """The reply; a read whose collection is not there does not repeat the cluster time."""
    array = b"".join(b"\x03%d\0" % place + record.raw for place, record in enumerate(batch))
    rest: dict[str, Any] = {}
    if cursor.tokens:
        rest["postBatchResumeToken"] = {"$recordId": Int64(batch[-1].number) if batch else None}
    if cursor.time is not None and cursor.collection is not None:
        rest["atClusterTime"] = cursor.time
    rest |= {"id": Int64(number), "ns": f"{cursor.database}.{cursor.name}"}
    body = b"\x04" + field.encode() + b"\0" + _sized(array) + bson.encode(rest)[4:-1]
    return _sized(b"\x03cursor\0" + _sized(body) + b"\x01ok\0" + struct.pack("<d", 1.0))


def _sized(elements: bytes) -> bytes:
    return struct.pack("<i", len(elements) + 5) + elements + b"\0"


def list_reply(namespace: str, documents: list[bytes]) -> bytes:
    """All documents of a list command in one batch."""
    raws = [RawBSONDocument(raw) for raw in documents]
    return bson.encode({"cursor": {"id": Int64(0), "ns": namespace, "firstBatch": raws}, "ok": 1.0})
