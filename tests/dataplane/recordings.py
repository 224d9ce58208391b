"""States recorded from a real MongoDB 5.0, as they lie beside the checkout."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import zstandard
from bson.raw_bson import RawBSONDocument

from drp.dataplane.walk import split_documents
from drp.testing.simmongo.collections import Record, SimCollection, new_uuid, raw_id
from drp.testing.simmongo.server import SimMongo

FOLDER = Path(
    os.environ.get("DRP_RECORDINGS")
    or Path(__file__).parents[2].parent / "shared/recordings/mongodb-5.0/scenarios"
)


@dataclass(slots=True, kw_only=True)
class RecordedState:
    """``entries``: namespace -> (listCollections entry, listIndexes entries), all raw."""

    entries: dict[str, tuple[RawBSONDocument, list[bytes]]] = field(default_factory=dict)
    documents: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))


def list_states() -> list[str]:
    """``NN-name/before`` and ``/after`` of every scenario; one stand-in where there are none."""
    found = sorted(path.parent.name for path in FOLDER.glob("*/after-metadata.json"))
    return [f"{name}/{half}" for name in found for half in ("before", "after")] or ["none"]


def load_state(name: str) -> RecordedState:
    """Skips the test where the recordings do not lie beside the checkout."""
    if not FOLDER.is_dir():
        pytest.skip(f"no recordings in {FOLDER}")
    state = RecordedState()
    for frame in _iter_frames(FOLDER / f"{name}.bson"):
        kind = frame["kind"]
        if kind == "collection":
            state.entries[frame["ns"]] = (frame["info"], [bytes(index.raw) for index in frame["indexes"]])
        elif kind == "doc":
            state.documents[frame["ns"]].append(bytes(frame["doc"].raw))
    return state


def _iter_frames(path: Path) -> Iterator[RawBSONDocument]:
    if path.exists():
        content = path.read_bytes()
    else:
        packed = path.with_name(path.name + ".zst").read_bytes()
        content = zstandard.ZstdDecompressor().decompressobj().decompress(packed)
    for view in split_documents(content):
        yield RawBSONDocument(bytes(view))


def serve(state: RecordedState) -> SimMongo:
    """A simulated server that holds a recorded state, UUIDs included."""
    server = SimMongo()
    server.collections = [c for c in server.collections if c.namespace not in state.entries]
    for namespace, (info, indexes) in state.entries.items():
        database, _, name = namespace.partition(".")
        uuid = info["info"].get("uuid")
        collection = SimCollection(
            database=database,
            name=name,
            type=info["type"],
            options=bytes(info["options"].raw),
            uuid=new_uuid() if uuid is None else bytes(uuid),
            changed=server.now,
            id_index=bytes(info["idIndex"].raw) if "idIndex" in info else None,
            indexes=list(indexes),
        )
        server.collections.append(collection)
        for raw in state.documents[namespace]:
            record = Record(number=len(collection.records) + 1, raw=raw, born=server.now)
            collection.records.append(record)
            collection.alive[raw_id(raw)] = record
    return server
