"""Writes images as `docker load` reads them; equal inputs give equal bytes and so equal image IDs."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.lab.images.tree import Entry, Tree

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_EPOCH = "1970-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerFile:
    """A layer's archive; ``digest`` is its SHA-256 in hexadecimal."""

    path: Path
    digest: str


def write_layer(tree: Tree, path: Path) -> LayerFile:
    """Write the layer: sorted, owner root, times zero."""
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
        for inside, entry in tree.entries():
            _add_entry(archive, inside.lstrip("/"), entry)
    with path.open("rb") as file:
        return LayerFile(path=path, digest=hashlib.file_digest(file, "sha256").hexdigest())


def _add_entry(archive: tarfile.TarFile, name: str, entry: Entry) -> None:
    head = tarfile.TarInfo(name)
    head.mode = entry.mode
    if entry.target is not None:
        head.type, head.linkname = tarfile.SYMTYPE, entry.target
        archive.addfile(head)
    elif entry.source is None and entry.data is None:
        head.type = tarfile.DIRTYPE
        archive.addfile(head)
    else:
        data = entry.source.read_bytes() if entry.source else entry.data or b""
        head.size = len(data)
        archive.addfile(head, io.BytesIO(data))


def write_image(path: Path, *, tag: str, layers: list[LayerFile], config: Mapping[str, object]) -> str:
    """Write the image and return its ID (``sha256:…``). ``config`` is as in `docker inspect`."""
    about = {
        "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "created": _EPOCH,
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer.digest}" for layer in layers]},
        "history": [{"created": _EPOCH, "created_by": "lab"} for _ in layers],
    }
    text = json.dumps(about, sort_keys=True, separators=(",", ":")).encode()
    digest = hashlib.sha256(text).hexdigest()
    names = [f"{layer.digest}.tar" for layer in layers]
    manifest = [{"Config": f"{digest}.json", "RepoTags": [tag], "Layers": names}]
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
        _add_entry(archive, f"{digest}.json", Entry(mode=0o644, data=text))
        for name, layer in zip(names, layers, strict=True):
            _add_entry(archive, name, Entry(mode=0o644, source=layer.path))
        _add_entry(archive, "manifest.json", Entry(mode=0o644, data=json.dumps(manifest).encode()))
    return f"sha256:{digest}"
