"""What can be seen in the laboratory's process tables, sampled as long as somebody watches."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.lab import Lab
from tests.lab.machine import MARK

_FILES = ("environ", "cmdline", "cgroup")
_EVERY_S = 0.25
_LOOKS = 4
"""How often a new process is looked at before it counts as foreign: at first it looks like its parent."""


_SETUP = re.compile(rb"FERRETDB_SETUP_PASSWORD=[^\0]*")


def _excepted(words: bytes, variables: bytes) -> tuple[bytes, bytes]:
    """FerretDB takes the password of its first user no other way (``images/ferretdb_entry.sh``)."""
    return words, _SETUP.sub(b"", variables) if b"ferretdb" in words else variables


class ProcessWatch:
    """Command lines and environments of all processes of a laboratory, those in its containers included."""

    def __init__(self, lab: Lab) -> None:
        self._marks = (f"{MARK}={lab.state.lab_id}".encode(), lab.state.cgroup.encode())
        self._foreign: dict[str, int] = {}
        self._seen: dict[bytes, None] = {}
        self._over = threading.Event()

    def look(self) -> None:
        """One look at all processes."""
        names = {entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit()}
        self._foreign = {name: looks for name, looks in self._foreign.items() if name in names}
        for name in names:
            if self._foreign.get(name, 0) < _LOOKS:
                self._look_at(name)

    def _look_at(self, name: str) -> None:
        try:
            # the variables before the words: what takes on a new program meanwhile is named by the new one
            variables, words, group = (Path("/proc", name, file).read_bytes() for file in _FILES)
        except OSError:
            return  # it has ended
        if any(mark in part for mark, part in zip(self._marks, (variables, group), strict=True)):
            self._seen.setdefault(b"\0".join(_excepted(words, variables)))
        else:
            self._foreign[name] = self._foreign.get(name, 0) + 1

    def save(self, path: Path) -> int:
        """Write all that was seen; how many different processes that is."""
        seen = list(self._seen)
        path.write_bytes(b"\n".join(seen))
        return len(seen)

    def run(self) -> None:
        while not self._over.wait(_EVERY_S):
            self.look()

    def stop(self) -> None:
        self._over.set()


@contextmanager
def watched_processes(lab: Lab) -> Iterator[ProcessWatch]:
    """Watch in a thread of its own for the time of the block."""
    watch = ProcessWatch(lab)
    thread = threading.Thread(target=watch.run, name="processes", daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        watch.stop()
        thread.join()
