"""Builds the images that are missing and remembers them by what they are made of."""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.lab.images.archive import LayerFile, write_image, write_layer
from tests.lab.images.layer import Layer
from tests.lab.images.recipes import Recipe, build_recipes
from tests.lab.state import CHECKOUT

_CACHE = CHECKOUT / ".cache" / "images"
_KEPT = 3  # of each image, the newest: another laboratory may still use an older one


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image of the lab; ``tar`` is what `docker load` reads, ``id`` is ``sha256:…``."""

    name: str
    id: str
    tag: str
    tar: Path


def ensure_images() -> dict[str, Image]:
    """All images by name, built where inputs have changed. Raises LabError."""
    _CACHE.mkdir(parents=True, exist_ok=True)
    with _locked():
        images = {recipe.name: _ensure_image(recipe) for recipe in build_recipes()}
        _prune()
    return images


@contextmanager
def _locked() -> Iterator[None]:
    with (_CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _ensure_image(recipe: Recipe) -> Image:
    layers = [layer.fingerprint() for layer in recipe.layers]
    inputs = json.dumps([layers, dict(recipe.config)], sort_keys=True)
    mark = hashlib.sha256(inputs.encode()).hexdigest()[:16]
    tar, note = _CACHE / f"{recipe.name}-{mark}.tar", _CACHE / f"{recipe.name}-{mark}.id"
    tag = f"drp-lab/{recipe.name}:latest"
    if not note.exists() or not tar.exists():
        files = [_ensure_layer(*pair) for pair in zip(layers, recipe.layers, strict=True)]
        unfinished = tar.with_suffix(".part")
        image_id = write_image(unfinished, tag=tag, layers=files, config=recipe.config)
        unfinished.rename(tar)
        note.write_text(image_id)
    note.touch()
    return Image(name=recipe.name, id=note.read_text(), tag=tag, tar=tar)


def _ensure_layer(fingerprint: str, layer: Layer) -> LayerFile:
    path = _CACHE / f"layer-{fingerprint[:16]}.tar"
    if path.exists():
        with path.open("rb") as file:
            return LayerFile(path=path, digest=hashlib.file_digest(file, "sha256").hexdigest())
    unfinished = path.with_suffix(".part")
    written = write_layer(layer.build(), unfinished)
    unfinished.rename(path)
    return LayerFile(path=path, digest=written.digest)


def _prune() -> None:
    groups: dict[str, list[Path]] = {}
    for note in _CACHE.glob("*.id"):
        groups.setdefault(note.stem.rpartition("-")[0], []).append(note)
    for notes in groups.values():
        for old in sorted(notes, key=lambda note: note.stat().st_mtime, reverse=True)[_KEPT:]:
            old.with_suffix(".tar").unlink(missing_ok=True)
            old.unlink()
    for layer in sorted(_CACHE.glob("layer-*.tar"), key=lambda p: p.stat().st_mtime, reverse=True)[
        4 * _KEPT :
    ]:
        layer.unlink()
