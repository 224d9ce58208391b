"""An object store in a folder, for tests with several processes: a put creates a name once, atomically."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from urllib.parse import quote, unquote

from drp.errors import ConflictError, NotFoundError


class FolderObjects:
    """Keeps the contract of ``drp.ports.objects.ObjectStore``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def get(self, key: str) -> bytes:
        found = self.find(key)
        if found is None:
            raise NotFoundError(f"cannot read object '{key}': it does not exist")
        return found

    def find(self, key: str) -> bytes | None:
        try:
            return self._path(key).read_bytes()
        except FileNotFoundError:
            return None

    def list(self, prefix: str) -> list[str]:
        names = (unquote(name) for name in os.listdir(self._folder) if not name.startswith("."))
        return sorted(name for name in names if name.startswith(prefix))

    def put_once(self, key: str, content: bytes) -> None:
        """Written aside and linked: whole or not at all."""
        aside = self._folder / f".{uuid.uuid4().hex}"
        aside.write_bytes(content)
        try:
            os.link(aside, self._path(key))
        except FileExistsError as error:
            raise ConflictError(f"cannot create object '{key}': it exists") from error
        finally:
            aside.unlink()

    def delete(self, key: str) -> None:
        self._path(key).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self._folder / quote(key, safe="")
