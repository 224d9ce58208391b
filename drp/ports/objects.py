"""An object store: one bucket (with an optional prefix) as one identity sees it."""

from __future__ import annotations

from typing import Protocol


class ObjectReader(Protocol):
    """Errors: NotFoundError (get of a missing key), DeniedError, UnreachableError, RejectedError."""

    def get(self, key: str) -> bytes:
        """The object's bytes. Raises NotFoundError."""
        ...

    def find(self, key: str) -> bytes | None:
        """The object's bytes, or None when it does not exist."""
        ...

    def list(self, prefix: str) -> list[str]:
        """All keys that start with ``prefix``, sorted; complete (pages are followed)."""
        ...


class ObjectStore(ObjectReader, Protocol):
    """Writes are put-once: nothing is overwritten, so two writers cannot both believe they won."""

    def put_once(self, key: str, content: bytes) -> None:
        """Create the object (If-None-Match: *). Raises ConflictError when the key exists.

        After UnreachableError the put may have happened; the caller reads the key to know.
        """
        ...

    def delete(self, key: str) -> None:
        """Remove the object; a missing one is no error."""
        ...
