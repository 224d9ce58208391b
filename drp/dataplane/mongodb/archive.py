"""The catalog of a backup: every collection's options and indexes, users and roles, as one BSON document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import bson
from bson.raw_bson import RawBSONDocument

from drp.dataplane.mongodb.catalog import CollectionInfo
from drp.dataplane.mongodb.server import RAW, read, require_raw
from drp.dataplane.mongodb.users import Grants
from drp.errors import RejectedError

CATALOG_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """What is in a backup beside documents."""

    collections: tuple[CollectionInfo, ...] = ()
    grants: Grants = field(default_factory=Grants)


def render_archive(archive: Archive) -> bytes:
    """Inner documents go in as raw bytes."""
    return bson.encode(
        {
            "format": CATALOG_FORMAT,
            "collections": [_render_info(info) for info in archive.collections],
            "users": _embed(archive.grants.users),
            "roles": _embed(archive.grants.roles),
        }
    )


def parse_archive(raw: bytes) -> Archive:
    """Raises RejectedError for a newer format."""
    fields = read(raw)
    if fields["format"] != CATALOG_FORMAT:
        raise RejectedError(
            f"cannot read the catalog: it has format {fields['format']}, this drp reads {CATALOG_FORMAT}",
            hint="Use a newer drp for this backup.",
        )
    return Archive(
        collections=tuple(_parse_info(entry) for entry in fields["collections"]),
        grants=Grants(users=_extract(fields["users"]), roles=_extract(fields["roles"])),
    )


def _embed(raws: Sequence[bytes]) -> list[RawBSONDocument]:
    return [RawBSONDocument(raw, RAW) for raw in raws]


def _extract(entries: Sequence[object]) -> tuple[bytes, ...]:
    return tuple(require_raw(entry) for entry in entries)


def _render_info(info: CollectionInfo) -> dict[str, Any]:
    return {
        "database": info.database,
        "name": info.name,
        "type": info.type,
        "options": RawBSONDocument(info.options, RAW),
        "uuid": info.uuid,
        "id_index": None if info.id_index is None else RawBSONDocument(info.id_index, RAW),
        "indexes": _embed(info.indexes),
        "indexed": info.indexed,
    }


def _parse_info(entry: Mapping[str, Any]) -> CollectionInfo:
    uuid, id_index = entry["uuid"], entry["id_index"]
    return CollectionInfo(
        database=entry["database"],
        name=entry["name"],
        type=entry["type"],
        options=require_raw(entry["options"]),
        uuid=None if uuid is None else bytes(uuid),
        id_index=None if id_index is None else require_raw(id_index),
        indexes=_extract(entry["indexes"]),
        indexed=entry["indexed"],
    )
