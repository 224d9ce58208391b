"""Manifests: signed, put once, found again behind a forged one."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest

from drp.dataplane import keys
from drp.dataplane.manifest import (
    Catalog,
    DataKey,
    Manifest,
    Pack,
    Stream,
    backup_prefix,
    find_manifest,
    get_verified,
    parse_manifest,
    require_manifest,
    seal_manifest,
    summary,
)
from drp.dataplane.packs import sha256
from drp.dataplane.tally import Tally
from drp.errors import NotFoundError, RejectedError, UsageError, VerificationError
from drp.model.values import Json
from tests.dataplane.fakes import MemoryStore, VersionedStore

SITE = keys.new_signing_keypair()
SIGNERS: dict[str, Json] = {"dc3": base64.b64encode(SITE.public).decode()}
TALLY = Tally(documents=2, bytes=90, digest=2**127 + 5, order=7)
MANIFEST = Manifest(
    tenant="acme",
    backup_id="20310304T021100Z-7f3a9c2e",
    attempt="a1",
    env="production",
    site="dc3",
    began="2031-03-04T02:11:00Z",
    ended="2031-03-04T02:12:00Z",
    mode="snapshot",
    cluster_time=(1930270260, 3),
    data_key=DataKey(id="k", block="drp1/acme/base/b/a1.key", block_sha256="0", check="c"),
    catalog=Catalog(object="c", sha256="1", bytes=10, raw_bytes=9),
    streams=(
        Stream(
            number=0,
            kind="collection",
            database="app",
            name="ü.x",
            type="collection",
            mode="snapshot",
            tally=TALLY,
        ),
        Stream(number=1, kind="redis", database="redis", name="0", type="redis", mode="scan", tally=TALLY),
    ),
    packs=(
        Pack(number=1, object="p", sha256="2", bytes=5, frames=1, documents=2, raw_bytes=90, streams=(0, 1)),
    ),
    notes=("view 'x': skipped",),
)
CONTENT = seal_manifest(MANIFEST, SITE.private)
KEY = MANIFEST.object


def stored(content: bytes) -> MemoryStore:
    store = MemoryStore()
    store.put_once(KEY, content)
    return store


def find(store: MemoryStore) -> Manifest | None:
    return find_manifest(store, "acme", MANIFEST.backup_id, signers=SIGNERS)


def forged(**changes: Json) -> bytes:
    whole = json.loads(CONTENT)
    return json.dumps({**whole, "body": {**whole["body"], **changes}}).encode()


def test_manifest_comes_back_whole() -> None:
    assert find(stored(CONTENT)) == replace(MANIFEST, sha256=sha256(CONTENT))


def test_backup_without_manifest_does_not_exist() -> None:
    assert find(MemoryStore()) is None
    with pytest.raises(NotFoundError, match="cannot find backup '20310304T021100Z-7f3a9c2e' of 'acme'"):
        require_manifest(MemoryStore(), "acme", MANIFEST.backup_id, signers=SIGNERS)


def test_summary_counts_collections_and_keys_apart() -> None:
    told = summary(MANIFEST)
    assert (told["documents"], told["bytes"], told["redis_keys"], told["mode"]) == (2, 90, 2, "snapshot")
    assert told["skipped"] == ["view 'x': skipped"]


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", CONTENT[:-20], forged(mode="scan"), forged(streams=[]), forged(env=1.5)]
)
def test_forged_or_broken_manifest_is_refused(content: bytes) -> None:
    with pytest.raises(VerificationError):
        find(stored(content))


def test_manifest_signed_by_a_stranger_is_refused() -> None:
    with pytest.raises(VerificationError, match="signature does not fit"):
        find(stored(seal_manifest(MANIFEST, keys.new_signing_keypair().private)))


def test_manifest_of_an_unknown_site_is_refused() -> None:
    with pytest.raises(VerificationError, match="no signing key of site 'dc9'"):
        find(stored(seal_manifest(replace(MANIFEST, site="dc9"), SITE.private)))


def test_known_site_cannot_sign_for_another() -> None:
    other = keys.new_signing_keypair()
    signers: dict[str, Json] = {**SIGNERS, "dc5": base64.b64encode(other.public).decode()}
    whole = json.loads(seal_manifest(MANIFEST, other.private))
    whole["signature"]["site"] = "dc5"
    with pytest.raises(VerificationError, match="names another site than 'dc5'"):
        parse_manifest(json.dumps(whole).encode(), signers)


def test_manifest_of_another_backup_is_refused() -> None:
    other = seal_manifest(replace(MANIFEST, tenant="globex"), SITE.private)
    with pytest.raises(VerificationError, match="it is that of 'globex/"):
        find(stored(other))


def test_newer_format_is_told_apart_from_damage() -> None:
    newer = CONTENT.replace(b'"format":1', b'"format":2')
    with pytest.raises(RejectedError, match="it has format 2, this drp reads 1"):
        find(stored(newer))


@pytest.mark.parametrize("shadow", [None, b"rubbish", forged(mode="scan")])
def test_shadowed_manifest_is_found_among_its_versions(shadow: bytes | None) -> None:
    store = VersionedStore()
    store.put_once(KEY, CONTENT)
    store.shadow(KEY, shadow)
    assert find(store) == replace(MANIFEST, sha256=sha256(CONTENT))


def test_shadowed_object_is_found_by_its_hash() -> None:
    store = VersionedStore()
    store.put_once("pack", b"right")
    store.shadow("pack", b"wrong")
    assert get_verified(store, "pack", sha256(b"right")) == b"right"
    with pytest.raises(VerificationError, match="SHA-256"):
        get_verified(store, "pack", sha256(b"other"))
    with pytest.raises(NotFoundError):
        get_verified(store, "none", sha256(b""))


@pytest.mark.parametrize("name", ["", "../acme", "a/b", ".hidden", "ac me"])
def test_names_that_would_leave_their_prefix_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="cannot name a backup"):
        backup_prefix(name, "b1")
