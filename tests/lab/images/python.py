"""This Python, its library and installed distributions, as files for an image."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement

from tests.lab.images.tree import Tree

VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
_UNWANTED = {
    "__pycache__", "test", "tests", "idlelib", "tkinter", "turtledemo", "lib2to3", "ensurepip",
    "site-packages", "dist-packages", "pydoc_data",
}  # fmt: skip
_TESTING = ("_tkinter", "_test", "_ctypes_test", "_xxtestfuzz", "xxlimited")
# wheels ask for parts of older C libraries by name, and name look-ups load theirs at run time
_HIDDEN = [
    "libpthread.so.0", "libdl.so.2", "librt.so.1", "libutil.so.1", "libm.so.6", "libgcc_s.so.1",
    "libstdc++.so.6", "libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2",
]  # fmt: skip
# of botocore's service descriptions (25 MB) only the object store's are wanted
_BOTOCORE_DATA = "botocore/data/"
_BOTOCORE_KEPT = ("s3/", "endpoints.json", "partitions.json", "_retry.json", "sdk-default")


def find_interpreter() -> Path:
    """The interpreter under the virtual environment."""
    return (Path(sys.base_prefix) / "bin" / VERSION).resolve(strict=True)


def find_standard_library() -> dict[str, Path]:
    """Path in an image -> file, the modules that a server has no use for left out."""
    root = Path(sysconfig.get_path("stdlib"))
    return {f"/usr/lib/{VERSION}/{inside}": root / inside for inside in _iter_files(root)}


def _iter_files(root: Path) -> Iterator[str]:
    for folder, names, files in os.walk(root):
        names[:] = sorted(n for n in names if n not in _UNWANTED and not n.startswith("config-"))
        for file in sorted(files):
            whole = Path(folder) / file
            if not file.endswith((".a", ".pyc")) and not file.startswith(_TESTING) and whole.exists():
                yield str(whole.relative_to(root))


def find_hidden_libraries() -> list[Path]:
    """Libraries that no ELF file of Python names but that are loaded all the same."""
    folders = [Path(f"/lib/{_MULTIARCH}"), Path(f"/usr/lib/{_MULTIARCH}"), Path("/lib64"), Path("/usr/lib64")]
    found = [next((d / name for d in folders if (d / name).exists()), None) for name in _HIDDEN]
    return [path for path in found if path]


_MULTIARCH = sysconfig.get_config_var("MULTIARCH") or f"{os.uname().machine}-linux-gnu"


def find_distributions(names: tuple[str, ...]) -> list[Distribution]:
    """These installed distributions and all that they require here, sorted by name."""
    found: dict[str, Distribution] = {}
    wanted = list(names)
    while wanted:
        name = wanted.pop().lower().replace("_", "-")
        if name not in found:
            found[name] = distribution(name)
            requirements = map(Requirement, found[name].requires or [])
            wanted += [r.name for r in requirements if not r.marker or r.marker.evaluate({"extra": ""})]
    return [found[name] for name in sorted(found)]


def iter_distribution_files(names: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    """(path under the packages folder, file) of the distributions."""
    for one in find_distributions(names):
        for file in one.files or []:
            if _is_wanted(file):
                yield str(file), Path(str(one.locate_file(file)))


def _is_wanted(file: PurePosixPath) -> bool:
    if ".." in file.parts or _UNWANTED & set(file.parts) or file.suffix == ".pyc":
        return False
    inside = str(file)
    if inside.startswith(_BOTOCORE_DATA):
        return inside[len(_BOTOCORE_DATA) :].startswith(_BOTOCORE_KEPT)
    # who installed it and how differs from machine to machine and is no part of it
    return file.name not in {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}


def compile_modules(tree: Tree) -> None:
    """Add the compiled form of every module: a container that cannot write would compile at each start.

    Compiled in one fresh process with a fixed hash seed, so that the result is the same each time.
    """
    with tempfile.TemporaryDirectory() as scratch:
        for path, entry in tree.entries():
            if path.endswith(".py"):
                copy = Path(scratch + path)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(entry.source.read_bytes() if entry.source else entry.data or b"")
        words = ["-I", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
        # a few files of the library are not meant to compile; exit 1 says so
        subprocess.run(
            [sys.executable, *words, "-s", scratch, "-p", "/", scratch],
            env={"PYTHONHASHSEED": "0", "PATH": os.environ.get("PATH", "")},
            stdout=subprocess.DEVNULL,
            check=False,
        )
        for compiled in sorted(Path(scratch).rglob("*.pyc")):
            tree.add_data(str(compiled)[len(scratch) :], compiled.read_bytes())
