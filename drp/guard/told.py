"""What a guard was told of take-overs: on disk before the teller has an answer, and kept over a power cut."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path

from drp.errors import RejectedError
from drp.model.takeovers import merge

FILE = "told.json"


class Told:
    """Tenant -> the highest epoch told. Any process of the guard's container may read and add."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    def read(self) -> dict[str, int]:
        """{} when nothing was told. Raises RejectedError for a broken file: then this guard cannot vouch."""
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return {}
        try:
            return {str(tenant): int(epoch) for tenant, epoch in json.loads(content).items()}
        except (ValueError, TypeError, AttributeError) as error:
            raise RejectedError(f"cannot read '{self._path}': it is not what a guard writes") from error

    def add(self, taken: Mapping[str, int]) -> dict[str, int]:
        """All that is known now; it is on disk when this returns."""
        with (self._path.parent / f"{FILE}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            known = merge(self.read(), taken)
            fresh = self._path.with_suffix(".new")
            with fresh.open("w") as file:
                json.dump(known, file, sort_keys=True)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        return known
