"""How fast the data plane itself is: `python -m tests.dataplane.bench [bytes a document] [MB]`.

The server hands out ready batches and swallows inserts, the store keeps bytes in memory, so what is
measured is reading, digest, compression, sealing and the way back. Numbers are printed, never judged.
"""

from __future__ import annotations

import random
import resource
import struct
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any

import bson
from bson.int64 import Int64

from drp.dataplane.mongodb.server import Server
from drp.model.values import JsonMap
from drp.testing.simmongo.collections import USUAL_ID_INDEX, Record, refuse
from drp.testing.simmongo.reads import SimCursor, list_reply, render_batch
from tests.dataplane.backups import Company
from tests.dataplane.simulated import SOURCE, TARGET

_BATCH = 15_000_000
_WORDS = [bytes(random.Random(n).choices(b"abcdefghijklmnopqrstuvwxyz", k=7)).decode() for n in range(3000)]


def build_batch(size: int) -> list[Record]:
    """Documents of an application: ids, numbers, words, a token that does not compress."""
    rnd, records, total = random.Random(7), list[Record](), 0
    while total < _BATCH:
        document = {"_id": bson.ObjectId(), "n": rnd.randint(0, 99), "token": rnd.randbytes(12).hex()}
        text = " ".join(rnd.choices(_WORDS, k=max(0, size - 90) // 8))
        raw = bson.encode({**document, "note": text})
        records.append(Record(number=len(records) + 1, raw=raw, born=bson.Timestamp(1, 1)))
        total += len(raw)
    return records


class CannedServer:
    """One collection whose batches are the same 15 MB again and again; inserts are counted and forgotten."""

    def __init__(self, records: list[Record], batches: int) -> None:
        cursor = SimCursor(collection=None, database="app", name="c", waiting=[], time=None, tokens=False)
        self._more = render_batch(cursor, records, number=7, field="nextBatch")
        self._last = render_batch(cursor, [], number=0, field="nextBatch")
        self._first = render_batch(cursor, [], number=7, field="firstBatch")
        self._left, self._lock, self.has_collection = batches, Lock(), batches > 0
        self._info = bson.encode({"name": "c", "type": "collection", "options": {}, "info": {}})

    @contextmanager
    def session(self) -> Iterator[Server]:
        yield self

    def command(self, database: str, command: Mapping[str, Any]) -> bytes:
        name = next(iter(command))
        answer = getattr(self, f"_{name}", None)
        if answer is None:
            raise refuse(59, name)
        raw: bytes = answer(command)
        return raw

    def _hello(self, _command: Mapping[str, Any]) -> bytes:
        return bson.encode({"ok": 1.0})

    def _listCommands(self, _command: Mapping[str, Any]) -> bytes:
        return bson.encode({"commands": {}, "ok": 1.0})

    def _listDatabases(self, _command: Mapping[str, Any]) -> bytes:
        return bson.encode({"databases": [{"name": "app"}], "ok": 1.0})

    def _listCollections(self, _command: Mapping[str, Any]) -> bytes:
        return list_reply("app.$cmd.listCollections", [self._info] if self.has_collection else [])

    def _listIndexes(self, _command: Mapping[str, Any]) -> bytes:
        return list_reply("app.c", [USUAL_ID_INDEX])

    def _create(self, _command: Mapping[str, Any]) -> bytes:
        return bson.encode({"ok": 1.0})

    def _find(self, command: Mapping[str, Any]) -> bytes:
        return self._first if command["find"] == "c" else list_reply("admin.x", [])

    def _getMore(self, _command: Mapping[str, Any]) -> bytes:
        with self._lock:
            self._left -= 1
        return self._more if self._left >= 0 else self._last

    def _insert(self, command: Mapping[str, Any]) -> bytes:
        raw, count, position = command["documents"][0].raw, 0, 0
        while position < len(raw):
            position += struct.unpack_from("<i", raw, position)[0]
            count += 1
        return bson.encode({"n": Int64(count), "ok": 1.0})


def measure(what: str, job: Callable[[], JsonMap], size: int) -> None:
    """Runs a job and prints what it took."""
    used, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    job()
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    rate = f"{size / wall / 1e6:7.0f} MB/s, {size / cpu / 1e6:6.0f} MB per CPU-second"
    print(f"{what:8} {rate}, peak {after.ru_maxrss / 1024:.0f} MiB in all", flush=True)


def main(size: int, megabytes: int) -> None:
    records = build_batch(size)
    batches = max(1, megabytes * 1_000_000 // _BATCH)
    source, target = CannedServer(records, batches), CannedServer(records, 0)
    company = Company()
    company.doors.servers = {"source": source.session, "target": target.session}
    total = batches * sum(len(record.raw) for record in records)
    print(f"{batches * len(records)} documents of some {size} bytes, {total / 1e6:.0f} MB")
    measure("backup", lambda: company.backup(SOURCE), total)
    measure("restore", lambda: company.restore(TARGET), total)


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    main(given[0] if given else 600, given[1] if len(given) > 1 else 300)
