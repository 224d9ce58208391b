"""An object store in memory, with the rules of a real one: names put once, versions when asked for."""

from __future__ import annotations

from collections.abc import Iterator

from drp.errors import ConflictError, NotFoundError


class MemoryStore:
    """``objects`` is the world; a test may damage it."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def get(self, key: str) -> bytes:
        if key not in self.objects:
            raise NotFoundError(f"cannot read '{key}': no such object")
        return self.objects[key]

    def find(self, key: str) -> bytes | None:
        return self.objects.get(key)

    def put_once(self, key: str, content: bytes) -> None:
        if self.objects.get(key, content) != content:
            raise ConflictError(f"cannot write '{key}': another object has that name")
        self.objects[key] = content

    def keys(self, ending: str) -> list[str]:
        return sorted(key for key in self.objects if key.endswith(ending))


class VersionedStore(MemoryStore):
    """Remembers what was overwritten or deleted behind its back."""

    def __init__(self) -> None:
        super().__init__()
        self.older: dict[str, list[bytes]] = {}

    def shadow(self, key: str, content: bytes | None) -> None:
        """What an attacker does who leaves the condition out; None = a delete marker."""
        self.older.setdefault(key, []).insert(0, self.objects.pop(key))
        if content is not None:
            self.objects[key] = content

    def iter_versions(self, key: str) -> Iterator[bytes]:
        if key in self.objects:
            yield self.objects[key]
        yield from self.older.get(key, [])
