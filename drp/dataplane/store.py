"""The object store as a helper sees it: one bucket, names put once and never overwritten."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable


class Reader(Protocol):
    """Errors: NotFoundError, DeniedError, UnreachableError, RateLimitedError, RejectedError."""

    def get(self, key: str) -> bytes:
        """The object. Raises NotFoundError."""
        ...

    def find(self, key: str) -> bytes | None:
        """The object, or None when there is none."""
        ...


class Store(Reader, Protocol):
    """Errors as for a Reader."""

    def put_once(self, key: str, content: bytes) -> None:
        """Create the object. Raises ConflictError when another one has the name."""
        ...


@runtime_checkable
class Versioned(Protocol):
    """A store that may remember what was overwritten or deleted."""

    def iter_versions(self, key: str) -> Iterator[bytes]:
        """All kept versions of one object, newest first; empty when the store keeps none."""
        ...
