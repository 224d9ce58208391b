"""Replies of find, getMore and list commands, taken apart without decoding the documents in them."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bson.int64 import Int64
from bson.timestamp import Timestamp

from drp.dataplane.mongodb.server import CommandError, Server
from drp.dataplane.walk import Element, find_element, iter_elements, split_array
from drp.errors import RejectedError

_INT64 = struct.Struct("<q").unpack_from
_TIME = struct.Struct("<II").unpack_from
_FIRST_DOCUMENTS = 16
_BATCH_BYTES = 8 * 2**20
_GROWTH = 4
_MOST_DOCUMENTS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """``cursor`` 0: there is no more. ``token``: where a later find goes on. Documents are views."""

    documents: list[memoryview]
    cursor: int
    namespace: str
    token: bytes | None
    cluster_time: Timestamp | None


def parse_batch(reply: bytes) -> Batch:
    """Raises RejectedError when the reply has no cursor."""
    cursor = find_element(reply, b"cursor")
    if cursor is None:
        raise RejectedError("cannot read a reply: it has no cursor")
    fields = {element.name: element for element in iter_elements(reply, cursor.value)}
    array = fields.get(b"firstBatch") or fields.get(b"nextBatch")
    if array is None or b"id" not in fields:
        raise RejectedError("cannot read a reply: its cursor has no batch")
    namespace = fields[b"ns"]
    return Batch(
        documents=split_array(reply, array.value),
        cursor=_INT64(reply, fields[b"id"].value)[0],
        namespace=reply[namespace.value + 4 : namespace.end - 1].decode(),
        token=_slice(reply, fields.get(b"postBatchResumeToken")),
        cluster_time=_parse_time(reply, fields.get(b"atClusterTime")),
    )


def _slice(reply: bytes, element: Element | None) -> bytes | None:
    return None if element is None else reply[element.value : element.end]


def _parse_time(reply: bytes, element: Element | None) -> Timestamp | None:
    if element is None:
        return None
    increment, seconds = _TIME(reply, element.value)
    return Timestamp(seconds, increment)


def iter_batches(
    session: Server, database: str, command: Mapping[str, Any], *, growing: bool = False
) -> Iterator[Batch]:
    """The batches of one cursor. The server side is closed when the caller stops early.

    ``growing``: ask for as many documents as make some 8 MiB, for servers that do not bound a batch by bytes.
    """
    batch = parse_batch(session.command(database, command))
    asked = _FIRST_DOCUMENTS
    try:
        yield batch
        while batch.cursor:
            asked = next_size(asked, batch.documents)
            more: dict[str, Any] = {"getMore": Int64(batch.cursor), "collection": collection_of(batch)}
            if growing:
                more["batchSize"] = asked
            batch = parse_batch(session.command(database, more))
            yield batch
    except GeneratorExit:
        _close(session, database, batch)
        raise


def collection_of(batch: Batch) -> str:
    """The collection part of a cursor's namespace."""
    return batch.namespace.partition(".")[2]


def next_size(asked: int, documents: list[memoryview]) -> int:
    """How many documents to ask for next, from how long the last ones were; grows fourfold at most."""
    if not documents:
        return asked
    average = max(1, sum(map(len, documents)) // len(documents))
    return max(1, min(_BATCH_BYTES // average, asked * _GROWTH, _MOST_DOCUMENTS))


def _close(session: Server, database: str, batch: Batch) -> None:
    if not batch.cursor:
        return
    try:
        session.command(database, {"killCursors": collection_of(batch), "cursors": [Int64(batch.cursor)]})
    except CommandError:
        pass  # it ends by itself after ten minutes


def list_documents(server: Server, database: str, command: Mapping[str, Any]) -> list[bytes]:
    """All documents of a small cursor, each on its own."""
    with server.session() as session:
        return [
            bytes(document)
            for batch in iter_batches(session, database, command)
            for document in batch.documents
        ]
