"""Bundles in an object store.

    bundle/lists/<MOMENT>-<8 of its digest>.json    the signed list, and of which parts each file is made
    bundle/parts/<SHA-256>                          a part of a file, at most 8 MiB; shared by all bundles

The parts come first and the one object that names them last: a bundle is there whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Final

from drp.commands.bundle.contents import MANIFEST
from drp.dataplane.canonical import render_canonical
from drp.errors import ConflictError, NotFoundError, VerificationError
from drp.model.values import JsonMap
from drp.ports.objects import ObjectReader, ObjectStore

LISTS: Final = "bundle/lists/"
PARTS: Final = "bundle/parts/"
PART_BYTES: Final = 8 * 2**20
_STAMP: Final = "%Y%m%dT%H%M%SZ"

Parts = Mapping[str, tuple[str, ...]]
"""Path of a file below the bundle's folder -> SHA-256 of its parts, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBundle:
    """``manifest``: the signed list, as it was written; whether it can be trusted nobody has looked."""

    id: str
    manifest: bytes
    parts: Parts

    @property
    def made(self) -> datetime:
        return read_moment(self.id)


def read_moment(bundle: str) -> datetime:
    """When the bundle of that id was made. Raises VerificationError for what is no id."""
    try:
        return datetime.strptime(bundle.partition("-")[0], _STAMP).replace(tzinfo=UTC)
    except ValueError as error:
        raise VerificationError(f"cannot read bundle '{bundle}': that is no name of a bundle") from error


def list_bundles(store: ObjectReader) -> list[str]:
    """Ids, the newest last; reads keys only. Errors: those of the store."""
    keys = (key.removeprefix(LISTS) for key in store.list(LISTS) if key.endswith(".json"))
    return sorted(key.removesuffix(".json") for key in keys)


def load_bundle(store: ObjectReader, bundle: str) -> StoredBundle:
    """Raises NotFoundError, VerificationError for an object that is no bundle, and the store's errors."""
    content = store.get(f"{LISTS}{bundle}.json")
    try:
        found = json.loads(content)
        manifest, files = str(found["manifest"]).encode(), dict(found["parts"])
        parts = {_checked(str(name)): tuple(map(str, listed)) for name, listed in files.items()}
    except (ValueError, KeyError, TypeError) as error:
        raise VerificationError(f"cannot read bundle '{bundle}': its object is broken") from error
    return StoredBundle(id=bundle, manifest=manifest, parts=parts)


def _checked(name: str) -> str:
    """A path that stays below its folder. Raises ValueError."""
    path = PurePosixPath(name)
    if path.is_absolute() or not path.parts or ".." in path.parts or name == MANIFEST:
        raise ValueError(name)
    return name


def put_bundle(store: ObjectStore, folder: Path, *, carried: Parts, now: datetime) -> str:
    """Put the bundle of that folder, but for the files whose parts are there already; its id."""
    manifest = (folder / MANIFEST).read_bytes()
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    parts = {name: _put_parts(store, path) for name, path in files.items() if name != MANIFEST}
    listed: JsonMap = {name: [*found] for name, found in {**carried, **parts}.items()}
    whole: JsonMap = {"manifest": manifest.decode(), "parts": listed}
    _check_parts(store, [part for found in {**carried, **parts}.values() for part in found])
    bundle = f"{now.astimezone(UTC):{_STAMP}}-{hashlib.sha256(manifest).hexdigest()[:8]}"
    store.put_once(f"{LISTS}{bundle}.json", render_canonical(whole))
    return bundle


def _check_parts(store: ObjectReader, wanted: Iterable[str]) -> None:
    """Raises ConflictError when somebody who cleans up has taken one for one that nobody names."""
    held = {key.removeprefix(PARTS) for key in store.list(PARTS)}
    if not held.issuperset(wanted):
        raise ConflictError("cannot put a bundle: parts of it were removed meanwhile")


def _put_parts(store: ObjectStore, path: Path) -> tuple[str, ...]:
    return tuple(_put_part(store, part) for part in _iter_parts(path))


def _iter_parts(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while part := file.read(PART_BYTES):
            yield part


def _put_part(store: ObjectStore, part: bytes) -> str:
    digest = hashlib.sha256(part).hexdigest()
    with suppress(ConflictError):
        # one of that name has these bytes
        store.put_once(f"{PARTS}{digest}", part)
    return digest


def find_carried(store: ObjectReader, wanted: Mapping[str, str]) -> Parts:
    """Of files (path -> SHA-256) those that the newest bundle has, with all their parts in the store."""
    bundles = list_bundles(store)
    if not bundles:
        return {}
    newest = load_bundle(store, bundles[-1])
    held = {key.removeprefix(PARTS) for key in store.list(PARTS)}
    files = json.loads(newest.manifest)["body"]["files"]
    return {
        name: newest.parts[name]
        for name, digest in wanted.items()
        if files.get(name) == digest and name in newest.parts and held.issuperset(newest.parts[name])
    }


def read_images(store: ObjectReader) -> dict[str, str]:
    """Files of images of the newest bundle: path -> SHA-256. Empty when there is none that can be read."""
    bundles = list_bundles(store)
    if not bundles:
        return {}
    try:
        files = json.loads(load_bundle(store, bundles[-1]).manifest)["body"]["files"]
    except (ValueError, KeyError, TypeError, VerificationError):
        return {}
    return {name: str(digest) for name, digest in files.items() if name.startswith("images/")}


def prune_bundles(store: ObjectStore, keep: int) -> int:
    """Keep the newest so many; parts that none of them names go too. How many bundles went."""
    bundles = list_bundles(store)
    gone, kept = bundles[: len(bundles) - keep], bundles[len(bundles) - keep :]
    if len(bundles) <= keep:
        return 0
    named = {part for each in kept for parts in load_bundle(store, each).parts.values() for part in parts}
    for each in gone:
        store.delete(f"{LISTS}{each}.json")
    for key in store.list(PARTS):
        if key.removeprefix(PARTS) not in named:
            store.delete(key)
    return len(gone)


def write_files(store: ObjectReader, found: StoredBundle, folder: Path) -> None:
    """All files of the bundle into an empty folder. Raises VerificationError for what is missing or altered.

    Errors: those of the store, OSError.
    """
    for name, parts in found.parts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for part in parts:
                file.write(_get_part(store, name, part))
    (folder / MANIFEST).write_bytes(found.manifest)


def _get_part(store: ObjectReader, name: str, part: str) -> bytes:
    try:
        content = store.get(f"{PARTS}{part}")
    except NotFoundError as error:
        raise VerificationError(f"cannot fetch '{name}': a part of it is missing in the store") from error
    if hashlib.sha256(content).hexdigest() != part:
        raise VerificationError(f"cannot fetch '{name}': a part of it was altered in the store")
    return content
