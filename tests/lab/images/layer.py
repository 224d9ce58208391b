"""What goes into a layer, said in a way that can be compared before anything is copied."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab.images.python import compile_modules, find_distributions, iter_distribution_files
from tests.lab.images.tree import Tree

PACKAGES = "/usr/lib/lab/packages"  # where distributions are put; PYTHONPATH names it
_FORMAT = 1  # raise it when the same inputs give other images
_DPKG_STATUS = Path("/var/lib/dpkg/status")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """Keys of all mappings are absolute paths in the image.

    ``programs`` and ``files`` are single files of this machine (programs bring their libraries),
    ``data`` own small files, ``folders`` modes of folders, ``links`` targets; ``distributions`` names
    of installed Python distributions that come with all they require. ``modules`` under which paths
    Python is compiled.
    """

    programs: Mapping[str, Path] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    data: Mapping[str, bytes] = field(default_factory=dict)
    folders: Mapping[str, int] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    distributions: tuple[str, ...] = ()
    compiled: bool = False

    def fingerprint(self) -> str:
        """Changes when an input does. Libraries are covered by the package manager's list."""
        inputs = [
            _FORMAT,
            _digest(_DPKG_STATUS.read_bytes()) if _DPKG_STATUS.exists() else "",
            {path: _describe(source) for path, source in {**self.programs, **self.files}.items()},
            {path: _digest(data) for path, data in self.data.items()},
            dict(self.folders),
            dict(self.links),
            [f"{d.name} {d.version}" for d in find_distributions(self.distributions)],
            self.compiled,
        ]
        return _digest(json.dumps(inputs, sort_keys=True).encode())

    def build(self) -> Tree:
        """Collect everything. Raises LabError when a library is missing."""
        tree = Tree()
        for path, mode in self.folders.items():
            tree.add_folder(path, mode)
        for path, source in {**self.programs, **self.files}.items():
            tree.add_file(source, path)
        for path, data in self.data.items():
            tree.add_data(path, data, 0o755 if data.startswith(b"#!") else 0o644)
        for path, target in self.links.items():
            tree.add_link(path, target)
        for inside, source in iter_distribution_files(self.distributions):
            tree.add_file(source, f"{PACKAGES}/{inside}")
        tree.add_libraries()
        if self.compiled:
            compile_modules(tree)
        return tree


def _describe(source: Path) -> list[str | int]:
    about = source.stat()
    return [str(source), about.st_size, about.st_mtime_ns]


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
