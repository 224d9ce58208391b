"""The guard's hand on its host's edge: HAProxy's runtime socket in the folder they share."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from drp.errors import RejectedError, UnreachableError

SOCKET: Final = "guard.sock"
"""As in the edge's configuration."""
_PATIENCE_S: Final = 5.0
_OWNED: Final = re.compile(r"local:[^:]*:\d+(?::(?P<tenant>.+?)-e(?P<epoch>\d{4,}))?")


class Proxy:
    """Errors: UnreachableError when the edge does not answer, RejectedError when it does not obey."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._fences = folder / "fenced.map"

    def owners(self) -> dict[str, tuple[str, int]]:
        """Name -> (tenant, epoch) of the instance that it leads to on this host.

        A local route of which nothing is known belongs to epoch 0 of the nameless tenant.
        """
        owned = {name: _OWNED.fullmatch(value) for name, value in self._rows(self._folder / "routes.map")}
        return {
            name: (match["tenant"] or "", int(match["epoch"] or 0)) for name, match in owned.items() if match
        }

    def fenced(self) -> frozenset[str]:
        return frozenset(name for name, _ in self._rows(self._fences))

    def fence(self, names: Iterable[str]) -> None:
        """Close exactly these names. Those that are opened are opened last."""
        wanted, now = frozenset(names), self.fenced()
        for name in sorted(wanted - now):
            self._ask(f"add map {self._fences} {name} 1")
        if wanted - self.fenced():
            raise RejectedError("cannot fence: the running proxy did not take it")
        for name in sorted(now - wanted):
            self._ask(f"del map {self._fences} {name}")

    def permit(self, until_ms: int) -> None:
        """Milliseconds since the epoch of Unix, by this host's own clock."""
        self._ask(f"experimental-mode on; set var proc.until int({until_ms})")
        if f"value=<{until_ms}>" not in self._ask("get var proc.until"):
            raise RejectedError("cannot permit the edge to answer: the running proxy did not take it")

    def _rows(self, file: Path) -> list[tuple[str, str]]:
        lines = self._ask(f"show map {file}").splitlines()
        return [(parts[1], parts[2]) for parts in (line.split(" ", 2) for line in lines) if len(parts) == 3]

    def _ask(self, command: str) -> str:
        try:
            with socket.socket(socket.AF_UNIX) as admin:
                admin.settimeout(_PATIENCE_S)
                admin.connect(str(self._folder / SOCKET))
                admin.sendall(f"{command}\n".encode())
                return b"".join(iter(lambda: admin.recv(65536), b"")).decode()
        except OSError as error:
            raise UnreachableError(f"cannot ask the edge: {error.strerror or 'no answer'}") from error
