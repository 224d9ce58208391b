"""What a tenant's databases hold, as numbers and digests, and how two of them differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from drp.model.values import Json, JsonMap

EXPIRY_BUCKET_MS = 10_000
"""Keys that expire soon are told apart in buckets of this width."""
EXPIRY_HORIZON_MS = 2 * 3600 * 1000
"""How far ahead of a read-back's start expiries are told apart."""
_LEEWAY_MS = 60_000  # by how much two machines' clocks may differ
_MODULUS = 2**128


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionContent:
    """``indexes``, ``options``: name -> digest. ``order`` only for a capped collection, else empty."""

    database: str
    name: str
    type: str
    documents: int
    bytes: int
    digest: str
    order: str
    indexes: Mapping[str, str]
    options: Mapping[str, str]

    @property
    def namespace(self) -> str:
        return f"{self.database}.{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysContent:
    """One Redis database; ``expiring``: (expiry in ms // EXPIRY_BUCKET_MS, keys, digest) of those near."""

    database: int
    keys: int
    digest: str
    expiring: tuple[tuple[int, int, str], ...] = ()

    def lasting(self, cut: int) -> tuple[int, int]:
        """(keys, digest) of the keys that do not expire in bucket ``cut`` or before."""
        gone = [(keys, int(digest, 16)) for bucket, keys, digest in self.expiring if bucket <= cut]
        left = int(self.digest, 16) - sum(digest for _, digest in gone)
        return self.keys - sum(keys for keys, _ in gone), left % _MODULUS


@dataclass(frozen=True, slots=True, kw_only=True)
class Readback:
    """Read from the databases themselves; ``users``, ``roles``: ``database.name`` -> digest; times in ms."""

    began_ms: int
    ended_ms: int
    collections: tuple[CollectionContent, ...]
    users: Mapping[str, str]
    roles: Mapping[str, str]
    redis: tuple[KeysContent, ...]

    @classmethod
    def from_json(cls, data: JsonMap) -> Readback:
        """Raises KeyError, TypeError or ValueError for what is no read-back."""
        return cls(
            began_ms=_int(data.get("began_ms", 0)),
            ended_ms=_int(data.get("ended_ms", 0)),
            collections=tuple(_parse_collection(entry) for entry in _maps(data["collections"])),
            users={f"{u['db']}.{u['user']}": str(u["digest"]) for u in _maps(data["users"])},
            roles={f"{r['db']}.{r['role']}": str(r["digest"]) for r in _maps(data["roles"])},
            redis=tuple(_parse_keys(entry) for entry in _maps(data["redis"])),
        )

    def to_json(self) -> JsonMap:
        return {
            "began_ms": self.began_ms,
            "ended_ms": self.ended_ms,
            "collections": [_render_collection(content) for content in self.collections],
            "users": [_render_grant("user", name, digest) for name, digest in sorted(self.users.items())],
            "roles": [_render_grant("role", name, digest) for name, digest in sorted(self.roles.items())],
            "redis": [_render_keys(content) for content in self.redis],
            "totals": self.totals(),
        }

    def totals(self) -> JsonMap:
        return {
            "collections": len(self.collections),
            "documents": sum(content.documents for content in self.collections),
            "bytes": sum(content.bytes for content in self.collections),
            "indexes": sum(len(content.indexes) for content in self.collections),
            "users": len(self.users),
            "redis_keys": sum(content.keys for content in self.redis),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that is not the same, such as an ``index`` (``kind``) named ``app.orders.when_1``."""

    kind: str
    name: str
    source: str
    target: str

    def __str__(self) -> str:
        return f"{self.kind} '{self.name}': {self.source} at the source, {self.target} at the target"


def compare(source: Readback, target: Readback) -> list[Difference]:
    """All that differs, in a fixed order; empty when both hold the same.

    Keys that expired, or may have, before both read-backs had ended are left out of both.
    """
    return [
        *_compare_collections(source, target),
        *_compare_names("user", source.users, target.users),
        *_compare_names("role", source.roles, target.roles),
        *_compare_redis(source, target),
    ]


def _compare_collections(source: Readback, target: Readback) -> Iterator[Difference]:
    here = {content.namespace: content for content in source.collections}
    there = {content.namespace: content for content in target.collections}
    for name in sorted({*here, *there}):
        left, right = here.get(name), there.get(name)
        if left is None or right is None:
            yield Difference(kind="collection", name=name, source=_presence(left), target=_presence(right))
        else:
            yield from _compare_collection(left, right)


def _presence(content: CollectionContent | None) -> str:
    return "missing" if content is None else _count(content.documents, "document")


def _compare_collection(source: CollectionContent, target: CollectionContent) -> Iterator[Difference]:
    name = source.namespace
    if (source.documents, source.bytes, source.digest) != (target.documents, target.bytes, target.digest):
        yield Difference(kind="documents", name=name, source=_tell(source), target=_tell(target))
    elif source.order != target.order:
        yield Difference(kind="order", name=name, source=source.order[:8], target=target.order[:8])
    yield from _compare_names("index", source.indexes, target.indexes, prefix=f"{name}.")
    yield from _compare_names("option", source.options, target.options, prefix=f"{name}.")


def _tell(content: CollectionContent) -> str:
    return f"{_count(content.documents, 'document')} ({content.bytes} bytes, digest {content.digest[:8]})"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _compare_names(
    kind: str, source: Mapping[str, str], target: Mapping[str, str], *, prefix: str = ""
) -> Iterator[Difference]:
    for name in sorted({*source, *target}):
        left, right = source.get(name), target.get(name)
        if left != right:
            shown = ["missing" if digest is None else f"there ({digest[:8]})" for digest in (left, right)]
            yield Difference(kind=kind, name=prefix + name, source=shown[0], target=shown[1])


def _compare_redis(source: Readback, target: Readback) -> Iterator[Difference]:
    cut_ms = max(source.ended_ms, target.ended_ms) + _LEEWAY_MS
    far = min(source.began_ms, target.began_ms) + EXPIRY_HORIZON_MS
    if (source.redis or target.redis) and cut_ms >= far:
        apart = f"read-back ended {cut_ms - _LEEWAY_MS} ms"
        yield Difference(kind="keys", name="all", source=apart, target="too far apart to compare expiries")
        return
    here = {content.database: content for content in source.redis}
    there = {content.database: content for content in target.redis}
    for database in sorted({*here, *there}):
        empty = KeysContent(database=database, keys=0, digest="0")
        left, right = (
            side.get(database, empty).lasting(cut_ms // EXPIRY_BUCKET_MS) for side in (here, there)
        )
        if left != right:
            shown = [f"{_count(keys, 'key')} (digest {digest:032x})"[:50] for keys, digest in (left, right)]
            yield Difference(kind="keys", name=str(database), source=shown[0], target=shown[1])


def _maps(value: Json) -> list[JsonMap]:
    if not isinstance(value, list):
        raise TypeError("not a list")
    return [entry for entry in value if isinstance(entry, dict)]


def _int(value: Json) -> int:
    if not isinstance(value, int):
        raise TypeError(f"{value!r} is no whole number")
    return value


def _names(value: Json) -> dict[str, str]:
    if not isinstance(value, dict):
        raise TypeError("not a map")
    return {name: str(digest) for name, digest in value.items()}


def _parse_collection(entry: JsonMap) -> CollectionContent:
    return CollectionContent(
        database=str(entry["db"]),
        name=str(entry["coll"]),
        type=str(entry["type"]),
        documents=_int(entry["documents"]),
        bytes=_int(entry["bytes"]),
        digest=str(entry["digest"]),
        order=str(entry.get("order", "")),
        indexes=_names(entry["indexes"]),
        options=_names(entry.get("options", {})),
    )


def _render_collection(content: CollectionContent) -> JsonMap:
    return {
        "db": content.database,
        "coll": content.name,
        "type": content.type,
        "documents": content.documents,
        "bytes": content.bytes,
        "digest": content.digest,
        "order": content.order,
        "indexes": dict(content.indexes),
        "options": dict(content.options),
    }


def _parse_keys(entry: JsonMap) -> KeysContent:
    expiring = entry.get("expiring", [])
    if not isinstance(expiring, list):
        raise TypeError("expiring is no list")
    return KeysContent(
        database=_int(entry["db"]),
        keys=_int(entry["keys"]),
        digest=str(entry["digest"]),
        expiring=tuple(_parse_bucket(row) for row in expiring),
    )


def _parse_bucket(row: Json) -> tuple[int, int, str]:
    if not isinstance(row, list):
        raise TypeError("a bucket is no list")
    bucket, keys, digest = row
    return _int(bucket), _int(keys), str(digest)


def _render_keys(content: KeysContent) -> JsonMap:
    return {
        "db": content.database,
        "keys": content.keys,
        "digest": content.digest,
        "expiring": [[*row] for row in content.expiring],
    }


def _render_grant(kind: str, name: str, digest: str) -> JsonMap:
    database, _, rest = name.partition(".")
    return {"db": database, kind: rest, "digest": digest}
