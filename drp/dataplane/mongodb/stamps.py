"""Outer ``Timestamp(0, 0)`` fields: an insert replaces them by the server's time unless it is told not to.

Where the server does not know how to be told, the documents are read back and put right. Facts: documents
nested deeper are left alone; a pipeline update and an applied operation store what they are given.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from bson.binary import UUID_SUBTYPE, Binary
from bson.raw_bson import RawBSONDocument

from drp.dataplane.mongodb.catalog import CollectionInfo
from drp.dataplane.mongodb.cursors import list_documents
from drp.dataplane.mongodb.server import RAW, CommandError, Server, read
from drp.dataplane.walk import TIMESTAMP, iter_elements, split_documents
from drp.errors import VerificationError

# A timestamp 0,0 somewhere; the exact look comes after. Names without the type byte itself, so that no byte
# is looked at twice: the last such byte before the zeroes is enough.
_ZERO = re.compile(rb"\x11[^\x00\x11]*\x00{9}")
_ZERO_VALUE = struct.pack("<Q", 0)


def find_zero_timestamps(raw: bytes) -> list[bytes]:
    """Of documents laid end to end, those that have a Timestamp(0, 0) as an outer field."""
    if not _ZERO.search(raw):
        return []
    return [document for view in split_documents(raw) if _has_zero(document := bytes(view))]


def _has_zero(document: bytes) -> bool:
    return any(
        element.kind == TIMESTAMP and document[element.value : element.end] == _ZERO_VALUE
        for element in iter_elements(document)
    )


def ensure_stored(
    server: Server, info: CollectionInfo, raws: Sequence[bytes], *, concern: Mapping[str, Any]
) -> None:
    """Makes the collection hold these documents byte for byte; they were inserted before.

    ``concern``: the write concern.

    Raises VerificationError when the server keeps changing them.
    """
    changed = [raw for raw in raws if _find_stored(server, info, raw) != raw]
    for raw in changed:
        if (
            _replace(server, info, raw, concern=concern) != raw
            and _apply(server, info, raw, concern=concern) != raw
        ):
            raise VerificationError(
                f"cannot load '{info.namespace}': the server replaces Timestamp(0, 0) by its own time",
                hint="Give drp's account the right to run `applyOps` at the target.",
            )


def _replace(server: Server, info: CollectionInfo, raw: bytes, *, concern: Mapping[str, Any]) -> bytes | None:
    """By a pipeline update; what is stored then."""
    pipeline = [{"$replaceWith": {"$literal": RawBSONDocument(raw, RAW)}}]
    update = {"q": _query(raw), "u": pipeline}
    try:
        server.command(info.database, {"update": info.storage, "updates": [update], "writeConcern": concern})
    except CommandError:
        return None  # no pipelines there
    return _find_stored(server, info, raw)


def _apply(server: Server, info: CollectionInfo, raw: bytes, *, concern: Mapping[str, Any]) -> bytes | None:
    """By way of the server's own replication; what is stored then."""
    for entry in list_documents(server, info.database, {"listCollections": 1, "filter": {"name": info.name}}):
        uuid = Binary(bytes(read(entry)["info"]["uuid"]), UUID_SUBTYPE)
        insert = {"op": "i", "ns": info.namespace, "ui": uuid, "o": RawBSONDocument(raw, RAW)}
        try:
            server.command("admin", {"applyOps": [insert], "alwaysUpsert": False, "writeConcern": concern})
        except CommandError:
            return None
    return _find_stored(server, info, raw)


def _find_stored(server: Server, info: CollectionInfo, raw: bytes) -> bytes | None:
    command = {"find": info.storage, "filter": _query(raw), "limit": 1}
    found = list_documents(server, info.database, command)
    return found[0] if found else None


def _query(raw: bytes) -> dict[str, Any]:
    """Equality by $eq, as an ``_id`` that is a document could look like an operator."""
    return {"_id": {"$eq": RawBSONDocument(raw, RAW)["_id"]}}
