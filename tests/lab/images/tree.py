"""The files of one image layer: where each comes from and where it goes."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tests.lab.machine import LabError


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file (``source`` or ``data``), link (``target``) or folder (none of them)."""

    mode: int
    source: Path | None = None
    data: bytes | None = None
    target: str | None = None


class Tree:
    """Entries by absolute path. Folders above an entry come by themselves, mode 0755."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    def add_folder(self, path: str, mode: int = 0o755) -> None:
        self._put(path, Entry(mode=mode))

    def add_data(self, path: str, data: bytes, mode: int = 0o644) -> None:
        self._put(path, Entry(mode=mode, data=data))

    def add_link(self, path: str, target: str) -> None:
        self._put(path, Entry(mode=0o777, target=target))

    def add_file(self, source: Path, path: str) -> None:
        """Links are followed; of the mode only "may be run" is kept."""
        real = source.resolve(strict=True)
        mode = 0o755 if real.stat().st_mode & 0o111 else 0o644
        self._put(path, Entry(mode=mode, source=real))

    def add_libraries(self) -> None:
        """Add what the ELF files in here are linked with. Raises LabError when a library is missing."""
        programs = [e.source for e in self._entries.values() if e.source and is_elf(e.source)]
        for library in find_libraries(programs):
            if str(library) not in self._entries:
                self.add_file(library, str(library))

    def entries(self) -> Iterator[tuple[str, Entry]]:
        """Sorted by path, so folders come before what is in them."""
        yield from sorted(self._entries.items())

    def _put(self, path: str, entry: Entry) -> None:
        for folder in list(PurePosixPath(path).parents)[:-1]:
            self._entries.setdefault(str(folder), Entry(mode=0o755))
        self._entries[path] = entry


def is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def find_libraries(programs: list[Path]) -> list[Path]:
    """What ldd names for these ELF files, the loader included. Raises LabError when one is missing."""
    if not programs:
        return []
    words = ["ldd", *map(str, programs)]
    said = subprocess.run(words, capture_output=True, text=True, check=False).stdout
    found = set()
    for line in said.splitlines():
        if "not found" in line:
            raise LabError(f"cannot copy a program into an image: library missing: {line.strip()}")
        if match := re.search(r"(?:=>\s*)?(/\S+)\s+\(0x", line):
            found.add(Path(match[1]))
    return sorted(found)
