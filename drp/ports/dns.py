"""One DNS zone: its records at the primary, and what every authoritative server says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from drp.errors import ProviderError


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSet:
    """All records of one name and type. ``name`` without final dot, ``values`` sorted, ``ttl`` in seconds."""

    name: str
    type: str
    ttl: int
    values: tuple[str, ...]


Change: TypeAlias = tuple[RecordSet | None, RecordSet | None]
"""What is there and what takes its place; None = no records."""


class DnsReader(Protocol):
    """Errors: UnreachableError, DeniedError, RejectedError, RateLimitedError."""

    def zone(self) -> str:
        """The zone's name without final dot."""
        ...

    def find(self, name: str, record_type: str) -> RecordSet | None:
        """The record set at the primary (no cache, no recursion), or None."""
        ...

    def find_all(self, questions: Sequence[tuple[str, str]]) -> list[RecordSet | None]:
        """``find`` of many (name, type) at once, in their order, with as few calls as possible."""
        ...

    def servers(self) -> tuple[str, ...]:
        """Addresses of all authoritative servers, the primary first."""
        ...

    def ask(self, server: str, name: str, record_type: str) -> RecordSet | None:
        """What one authoritative server answers, or None when it has no such records."""
        ...


class Dns(DnsReader, Protocol):
    """Changes are compare-and-set: what was read before must still be there."""

    def replace(self, old: RecordSet | None, new: RecordSet | None) -> None:
        """Put ``new`` in place of ``old`` in one atomic change (None = no records).

        TTL of ``old`` is not compared. Raises ConflictError when the primary holds something else.
        After UnreachableError the change may have happened; the caller reads to know.
        """
        ...

    def replace_all(self, changes: Sequence[Change]) -> list[ProviderError | None]:
        """``replace`` of many names at once, each name once, with as few calls as possible.

        For each change, in order, None when it is done, or why it was left alone (ConflictError,
        RejectedError); the others are done nevertheless. Changes that travel together are done together or
        not at all. What concerns all of them is raised: then the caller reads to know what was done.
        """
        ...
