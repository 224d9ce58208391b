"""The manifest of a backup: put last, put once, signed by the site that wrote it.

A backup without a manifest does not exist. Everything else of a backup is named and hashed here.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from pydantic import TypeAdapter

from drp.dataplane import keys
from drp.dataplane.canonical import render_canonical
from drp.dataplane.frames import Scope
from drp.dataplane.packs import sha256
from drp.dataplane.store import Reader, Versioned
from drp.dataplane.tally import EMPTY, Tally, render_digest
from drp.errors import BugError, NotFoundError, RejectedError, UsageError, VerificationError
from drp.model.values import Json, JsonMap, Secret

FORMAT = 1
MANIFEST = "MANIFEST.json"
_PURPOSE = "drp manifest 1"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One collection, or one Redis database (``kind`` = ``redis``, ``name`` its number).

    ``mode``: ``snapshot`` (exact at the cluster time) or ``scan`` (exact only if nobody wrote meanwhile).
    """

    number: int
    kind: str
    database: str
    name: str
    type: str
    mode: str
    tally: Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """One object of frames; ``streams`` tells which streams have frames in it."""

    number: int
    object: str
    sha256: str
    bytes: int
    frames: int
    documents: int
    raw_bytes: int
    streams: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """The sealed object with options, indexes, users and roles."""

    object: str
    sha256: str
    bytes: int
    raw_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DataKey:
    """``block`` names the sealed data key in the bucket of keys; ``check`` tells a wrong data key at once."""

    id: str
    block: str
    block_sha256: str
    check: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """``cluster_time`` is (seconds, increment) of a snapshot; ``began`` and ``ended`` are RFC 3339 in UTC."""

    tenant: str
    backup_id: str
    attempt: str
    env: str
    site: str
    began: str
    ended: str
    mode: str
    cluster_time: tuple[int, int] | None
    data_key: DataKey
    catalog: Catalog
    streams: tuple[Stream, ...]
    packs: tuple[Pack, ...]
    notes: tuple[str, ...] = ()
    sha256: str = ""

    @property
    def key_block(self) -> str:
        """Name of the key block in the bucket of keys."""
        return self.data_key.block

    @property
    def object(self) -> str:
        """Name of the manifest itself in the bucket of data."""
        return backup_prefix(self.tenant, self.backup_id) + MANIFEST

    @property
    def scope(self) -> Scope:
        return Scope(tenant=self.tenant, backup_id=self.backup_id, attempt=self.attempt)

    @property
    def collections(self) -> tuple[Stream, ...]:
        return tuple(stream for stream in self.streams if stream.kind == "collection")

    @property
    def redis(self) -> tuple[Stream, ...]:
        return tuple(stream for stream in self.streams if stream.kind == "redis")

    def total(self) -> Tally:
        """Documents and bytes of all collections (Redis keys left out)."""
        return sum((stream.tally for stream in self.collections), EMPTY)


_MANIFEST = TypeAdapter(Manifest)


def backup_prefix(tenant: str, backup_id: str) -> str:
    """Prefix of all objects of one backup, in both buckets. Raises UsageError for an unfit name."""
    for name in (tenant, backup_id):
        if not _NAME.fullmatch(name):
            raise UsageError(f"cannot name a backup '{name}': use letters, digits, dot, dash and underscore")
    return f"{backup_root(tenant)}{backup_id}/"


def backup_root(tenant: str) -> str:
    """Prefix of all base backups of a tenant."""
    return f"drp1/{tenant}/base/"


def seal_manifest(manifest: Manifest, signing: Secret) -> bytes:
    """The signed object."""
    body: JsonMap = _MANIFEST.dump_python(manifest, mode="json", exclude={"sha256"})
    signature = keys.sign(signing, _PURPOSE, render_canonical(body))
    return render_canonical(
        {
            "format": FORMAT,
            "body": body,
            "signature": {"site": manifest.site, "ed25519": base64.b64encode(signature).decode("ascii")},
        }
    )


def parse_manifest(content: bytes, signers: Mapping[str, Json]) -> Manifest:
    """``signers``: site -> base64 of its public signing key.

    Raises VerificationError for a forged or broken manifest, RejectedError for a newer format.
    """
    try:
        whole = json.loads(content)
        version = whole["format"]
        if version != FORMAT:
            raise RejectedError(
                f"cannot read the manifest: it has format {version}, this drp reads {FORMAT}",
                hint="Use a newer drp for this backup.",
            )
        _check_signature(whole, signers)
        return replace(_MANIFEST.validate_python(whole["body"]), sha256=sha256(content))
    except (ValueError, KeyError, TypeError, AttributeError, BugError) as error:
        raise VerificationError("cannot read the manifest: it is broken") from error


def find_manifest(
    reader: Reader, tenant: str, backup_id: str, *, signers: Mapping[str, Json]
) -> Manifest | None:
    """The manifest of a backup, or None when there is none.

    When the store keeps versions, a manifest that was overwritten or deleted is found again: the newest
    version whose signature fits is taken. Raises VerificationError when only forged ones are there.
    """
    key = backup_prefix(tenant, backup_id) + MANIFEST
    refused: VerificationError | None = None
    for content in _iter_contents(reader, key):
        try:
            manifest = parse_manifest(content, signers)
            _check_owner(manifest, tenant, backup_id)
            return manifest
        except VerificationError as error:
            refused = error
    if refused:
        raise refused
    return None


def require_manifest(reader: Reader, tenant: str, backup_id: str, *, signers: Mapping[str, Json]) -> Manifest:
    """As find_manifest. Raises NotFoundError when there is none."""
    found = find_manifest(reader, tenant, backup_id, signers=signers)
    if found is None:
        raise NotFoundError(f"cannot find backup '{backup_id}' of '{tenant}': it has no manifest")
    return found


def get_verified(reader: Reader, key: str, wanted: str) -> bytes:
    """An object whose SHA-256 is ``wanted``, if need be from an older version.

    Raises NotFoundError or VerificationError.
    """
    found = False
    for content in _iter_contents(reader, key):
        found = True
        if sha256(content) == wanted:
            return content
    if found:
        raise VerificationError(f"cannot use '{key}': its SHA-256 is not the one in the manifest")
    raise NotFoundError(f"cannot find '{key}': the store has no such object")


def summary(manifest: Manifest) -> JsonMap:
    """What a backup job answers: sizes and digests, no secrets."""
    total = manifest.total()
    return {
        "manifest_key": manifest.object,
        "manifest_sha256": manifest.sha256,
        "attempt": manifest.attempt,
        "mode": manifest.mode,
        "documents": total.documents,
        "bytes": total.bytes,
        "sealed_bytes": sum(pack.bytes for pack in manifest.packs),
        "collections": [_summarise(stream) for stream in manifest.collections],
        "redis_keys": sum(stream.tally.documents for stream in manifest.redis),
        "skipped": [*manifest.notes],
    }


def _iter_contents(reader: Reader, key: str) -> Iterator[bytes]:
    current = reader.find(key)
    if current is not None:
        yield current
    if isinstance(reader, Versioned):
        yield from reader.iter_versions(key)


def _check_signature(whole: JsonMap, signers: Mapping[str, Json]) -> None:
    signature, body = whole["signature"], whole["body"]
    if not (isinstance(signature, dict) and isinstance(body, dict)):
        raise TypeError("no signature")
    site = str(signature["site"])
    if site not in signers:
        raise VerificationError(f"cannot trust the manifest: no signing key of site '{site}' is known")
    try:
        public = base64.b64decode(str(signers[site]), validate=True)
        raw = base64.b64decode(str(signature["ed25519"]), validate=True)
    except binascii.Error as error:
        raise VerificationError("cannot trust the manifest: its signature is broken") from error
    keys.verify(public, _PURPOSE, message=render_canonical(body), signature=raw)
    if body.get("site") != site:
        raise VerificationError(f"cannot trust the manifest: it names another site than '{site}'")


def _check_owner(manifest: Manifest, tenant: str, backup_id: str) -> None:
    if (manifest.tenant, manifest.backup_id) != (tenant, backup_id):
        cause = f"it is that of '{manifest.tenant}/{manifest.backup_id}'"
        raise VerificationError(f"cannot trust the manifest of '{tenant}/{backup_id}': {cause}")


def _summarise(stream: Stream) -> JsonMap:
    return {
        "db": stream.database,
        "coll": stream.name,
        "documents": stream.tally.documents,
        "bytes": stream.tally.bytes,
        "digest": render_digest(stream.tally.digest),
        "mode": stream.mode,
    }
