"""Redis contents by value.

A dump is what RESTORE takes, but two servers may dump the same set or hash in different orders (each has a
hash seed of its own), so a comparison looks at values.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from xxhash import xxh3_128_intdigest

from drp.dataplane.cache.connection import Cache, Word
from drp.dataplane.cache.scan import GONE, KeyReader, has_command, iter_keys, read_clock
from drp.dataplane.tally import MODULUS, render_digest
from drp.model.content import EXPIRY_BUCKET_MS, EXPIRY_HORIZON_MS, KeysContent

_LENGTH = struct.Struct("<Q")
_READS: dict[bytes, tuple[str, tuple[str, ...]]] = {
    b"string": ("GET", ()),
    b"list": ("LRANGE", ("0", "-1")),
    b"set": ("SMEMBERS", ()),
    b"hash": ("HGETALL", ()),
    b"zset": ("ZRANGE", ("0", "-1", "WITHSCORES")),
}
_FIELD_EXPIRY = "HPEXPIRETIME"  # 7.4+: fields of a hash can expire on their own


def measure_keys(client: Cache, database: int) -> KeysContent:
    """Counts and digests by value; keys that expire within the horizon also in buckets of their own."""
    sums = _Sums(read_clock(client) + EXPIRY_HORIZON_MS)
    types, values = KeyReader(client, "TYPE"), _ValueReader(client)
    for keys in iter_keys(client):
        found = [(key, kind, expiry) for key, kind, expiry in types.read(keys) if expiry != GONE]
        for (key, kind, expiry), value in zip(found, values.read(found), strict=True):
            if value is not None:
                sums.add(digest_key(key, kind, value=value, expiry_ms=expiry), expiry)
    return sums.render(database)


def digest_key(key: bytes, kind: bytes, *, value: Sequence[bytes], expiry_ms: int) -> int:
    """128 bits over key, type, expiry and value; no part can run into the next."""
    parts = [key, kind, b"%d" % expiry_ms, *value]
    return xxh3_128_intdigest(b"".join(_LENGTH.pack(len(part)) + part for part in parts))


class _ValueReader:
    def __init__(self, client: Cache) -> None:
        self._client = client
        self._fields_expire = has_command(client, _FIELD_EXPIRY)

    def read(self, found: Sequence[tuple[bytes, bytes, int]]) -> list[list[bytes] | None]:
        """The parts of each value in an order that is the same on every server; None for a key gone since."""
        if not found:
            return []
        replies = self._client.ask_all([_build_read(key, kind) for key, kind, _ in found], at_once=False)
        return [self._order(key, kind, reply) for (key, kind, _), reply in zip(found, replies, strict=True)]

    def _order(self, key: bytes, kind: bytes, reply: Any) -> list[bytes] | None:
        if not reply and reply != b"":
            return None
        if kind == b"set":
            return sorted(reply)
        if kind == b"hash":
            return self._order_hash(key, reply)
        return list(reply) if isinstance(reply, list) else [reply]

    def _order_hash(self, key: bytes, reply: Sequence[bytes]) -> list[bytes]:
        fields = sorted(zip(reply[::2], reply[1::2], strict=True))
        if not self._fields_expire:
            return [part for field in fields for part in field]
        names = [name for name, _ in fields]
        told = self._client.ask(_FIELD_EXPIRY, key, "FIELDS", len(names), *names)
        return [
            part
            for (name, value), expiry in zip(fields, told, strict=True)
            for part in (name, value, b"%d" % expiry)
        ]


def _build_read(key: bytes, kind: bytes) -> list[Word]:
    command, more = _READS.get(kind, ("DUMP", ()))
    return [command, key, *more]


class _Sums:
    """Adds up digests, those of keys that expire soon also by bucket."""

    def __init__(self, horizon_ms: int) -> None:
        self._horizon_ms = horizon_ms
        self._keys = self._digest = 0
        self._buckets: dict[int, tuple[int, int]] = {}

    def add(self, digest: int, expiry_ms: int) -> None:
        self._keys += 1
        self._digest = (self._digest + digest) % MODULUS
        if 0 <= expiry_ms < self._horizon_ms:
            bucket = expiry_ms // EXPIRY_BUCKET_MS
            keys, total = self._buckets.get(bucket, (0, 0))
            self._buckets[bucket] = (keys + 1, (total + digest) % MODULUS)

    def render(self, database: int) -> KeysContent:
        return KeysContent(
            database=database,
            keys=self._keys,
            digest=render_digest(self._digest),
            expiring=tuple(
                (bucket, keys, render_digest(digest))
                for bucket, (keys, digest) in sorted(self._buckets.items())
            ),
        )
