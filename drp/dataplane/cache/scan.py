"""Keys of one Redis database: found by SCAN, dumped with their expiry for a backup."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import bson
import redis
from bson.int64 import Int64
from xxhash import xxh3_128_intdigest

from drp.dataplane.cache.connection import Cache

_SCAN_KEYS = 200
NEVER, GONE = -1, -2  # what a server tells for a key without expiry, and for no key


def list_databases(client: Cache) -> list[int]:
    """Numbers of the databases that have keys."""
    lines = bytes(client.ask("INFO", "keyspace")).decode().splitlines()
    names = [line.partition(":")[0] for line in lines if line.startswith("db")]
    return sorted(int(name.removeprefix("db")) for name in names)


def read_clock(client: Cache) -> int:
    """The server's own time in ms."""
    return parse_clock(client.ask("TIME"))


def parse_clock(reply: Sequence[bytes]) -> int:
    """A TIME reply in ms."""
    return int(reply[0]) * 1000 + int(reply[1]) // 1000


def has_command(client: Cache, name: str) -> bool:
    """If the server knows this command; one that tells nothing about commands does not."""
    try:
        (told,) = client.ask("COMMAND", "INFO", name)
    except (redis.ResponseError, ValueError):
        return False
    return told is not None


def iter_keys(client: Cache) -> Iterator[list[bytes]]:
    """All keys, each once, in small batches: SCAN itself may tell a key twice."""
    seen: set[int] = set()
    cursor = b"0"
    while True:
        cursor, keys = client.ask("SCAN", cursor, "COUNT", _SCAN_KEYS)
        digests = {key: xxh3_128_intdigest(key) for key in keys}
        fresh = [key for key, digest in digests.items() if digest not in seen]
        seen.update(digests.values())
        if fresh:
            yield fresh
        if cursor == b"0":
            return


class KeyReader:
    """Asks one thing and the absolute expiry of many keys in one transaction."""

    def __init__(self, client: Cache, command: str) -> None:
        self._client = client
        self._command = command
        self._expiry = "PEXPIRETIME" if has_command(client, "PEXPIRETIME") else "PTTL"

    def read(self, keys: Sequence[bytes]) -> list[tuple[bytes, Any, int]]:
        """(key, reply, expiry in ms, NEVER or GONE) for each key."""
        pairs = [[(self._command, key), (self._expiry, key)] for key in keys]
        commands = [("TIME",), *(command for pair in pairs for command in pair)]
        clock, *replies = self._client.ask_all(commands, at_once=True)
        now_ms = parse_clock(clock)
        expiries = [self._absolute(told, now_ms) for told in replies[1::2]]
        return list(zip(keys, replies[::2], expiries, strict=True))

    def _absolute(self, told: int, now_ms: int) -> int:
        """Servers before 7.0 only tell what is left of a key's life."""
        return told if told < 0 or self._expiry == "PEXPIRETIME" else now_ms + told


def iter_dumps(client: Cache) -> Iterator[list[bytes]]:
    """Records (raw BSON) in small batches; keys that vanish meanwhile are left out."""
    reader = KeyReader(client, "DUMP")
    for keys in iter_keys(client):
        yield [build_record(key, expiry, dump) for key, dump, expiry in reader.read(keys) if dump is not None]


def build_record(key: bytes, expiry_ms: int, dump: bytes) -> bytes:
    """One key as a document, so that it fits a frame."""
    return bson.encode({"k": key, "x": Int64(expiry_ms), "v": dump})


def parse_record(raw: bytes) -> tuple[bytes, int, bytes]:
    """(key, expiry, dump) of a record."""
    record = bson.decode(raw)
    return bytes(record["k"]), int(record["x"]), bytes(record["v"])
