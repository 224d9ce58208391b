"""How far a journal had come, kept in a small file beside it.

A database cannot be asked about its own loss: after one flipped bit in its log SQLite drops every later
commit and says that all is well. The mark is written after each commit, so it is never ahead of what was
committed, and a journal that ends before its mark has lost records.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

from drp.engine.journal import Head

SUFFIX: Final = ".mark"


class JournalMark:
    """The mark of the journal in ``path``: number and hash of its last record."""

    def __init__(self, path: Path) -> None:
        self.path = path.with_name(path.name + SUFFIX)
        self._file: int | None = None

    def read(self) -> Head | None:
        """None when there is none, or it is not whole itself: then it proves nothing."""
        try:
            number, found, check = self.path.read_text(encoding="ascii").split()
            head = Head(int(number), found)
        except (OSError, ValueError):
            return None
        return head if check == _check(head) else None

    def write(self, head: Head) -> None:
        """Durable when it returns; always the same length, so it is never cut. Raises OSError."""
        if self._file is None:
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600)
        os.pwrite(self._file, f"{head.seq:012d} {head.hash} {_check(head)}\n".encode(), 0)
        os.fdatasync(self._file)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _check(head: Head) -> str:
    return hashlib.sha256(f"{head.seq} {head.hash}".encode()).hexdigest()[:16]
