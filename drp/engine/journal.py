"""The run's memory: numbered records, each holding the hash of the one before it.

Record 1 holds the plan, so a run can be resumed from its journal alone. The hash chain is kept because
a database cannot be asked about its own loss: after one flipped bit in a write-ahead log SQLite drops
every later commit and still reports that all is well.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol, TypeAlias

from drp.errors import StuckError
from drp.model.plan import canonical
from drp.model.values import JsonMap

FORMAT: Final = 1
GENESIS: Final = "0" * 64
"""``prev`` of the first record."""


class JournalError(StuckError):
    """The journal cannot be trusted: broken chain, gap, foreign format or a file that is no journal."""


class DamagedJournalError(JournalError):
    """What is stored is not what was written: altered, cut, or shorter than it had been."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What is to be recorded. ``step`` is "" and ``attempt`` 0 for what concerns the whole run."""

    kind: str
    step: str = ""
    attempt: int = 0
    data: JsonMap = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """When (with zone), by whom (``operator@machine``) and under which lease number records are written."""

    time: datetime
    actor: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One line of the journal. ``prev`` is the SHA-256 (hexadecimal) of record seq - 1 as stored."""

    seq: int
    time: datetime
    actor: str
    epoch: int
    kind: str
    step: str
    attempt: int
    data: JsonMap
    prev: str

    def to_bytes(self) -> bytes:
        """The stored bytes: canonical JSON."""
        return canonical(self.to_json())

    def to_json(self) -> JsonMap:
        """What is stored."""
        return {
            "seq": self.seq,
            "time": self.time.isoformat(),
            "actor": self.actor,
            "epoch": self.epoch,
            "kind": self.kind,
            "step": self.step,
            "attempt": self.attempt,
            "data": self.data,
            "prev": self.prev,
        }

    @classmethod
    def from_bytes(cls, stored: bytes) -> Record:
        """The inverse of ``to_bytes``. Raises ValueError."""
        fields = json.loads(stored)
        return cls(**{**fields, "time": datetime.fromisoformat(fields["time"])})


@dataclass(frozen=True, slots=True)
class Head:
    """Where a journal ends: number and hash of its last record; (0, GENESIS) when it is empty."""

    seq: int = 0
    hash: str = GENESIS


Copy: TypeAlias = Callable[[Sequence[Record]], None]
"""Given records as soon as they are durable here, before ``append`` returns: before any effect they announce.

It may queue them, or block until they are stored elsewhere (``final``, epoch and lease steps)."""


class Journal(Protocol):
    """One run's journal. One writer; readers may come at any time."""

    def append(self, drafts: Sequence[Draft], stamp: Stamp) -> list[Record]:
        """Add all or none of the drafts; durable when it returns. Raises JournalError."""
        ...

    def read(self) -> list[Record]:
        """All records, checked. Raises JournalError when the chain is broken."""
        ...

    def head(self) -> Head:
        """The last record's number and hash."""
        ...


def hash_of(stored: bytes) -> str:
    """SHA-256 of stored bytes, hexadecimal."""
    return hashlib.sha256(stored).hexdigest()


def build_records(head: Head, drafts: Sequence[Draft], stamp: Stamp) -> list[tuple[Record, bytes]]:
    """The records that follow ``head``, each with its stored bytes."""
    built: list[tuple[Record, bytes]] = []
    for draft in drafts:
        record = Record(
            seq=head.seq + 1,
            time=stamp.time,
            actor=stamp.actor,
            epoch=stamp.epoch,
            kind=draft.kind,
            step=draft.step,
            attempt=draft.attempt,
            data=draft.data,
            prev=head.hash,
        )
        stored = record.to_bytes()
        head = Head(record.seq, hash_of(stored))
        built.append((record, stored))
    return built


def check_chain(bodies: Iterable[bytes], name: str) -> Iterator[Record]:
    """The records of stored bytes; ``name`` is that of the journal.

    Raises DamagedJournalError at the first that does not follow the one before.
    """
    previous = GENESIS
    for expected, stored in enumerate(bodies, start=1):
        try:
            record = Record.from_bytes(stored)
        except (ValueError, TypeError, KeyError):
            record = None
        if record is None or record.to_bytes() != stored:
            raise DamagedJournalError(f"cannot trust journal '{name}': record {expected} was altered")
        if record.seq != expected:
            raise DamagedJournalError(f"cannot trust journal '{name}': record {expected} is missing")
        if record.prev != previous:
            raise DamagedJournalError(
                f"cannot trust journal '{name}': record {expected} does not follow the one before"
            )
        previous = hash_of(stored)
        yield record


def ignore_copy(records: Sequence[Record]) -> None:
    """The copy of a journal that has none."""


class MemoryJournal:
    """A journal that lives as long as ``stored``, the list of its records' bytes: for tests and dry runs."""

    def __init__(self, stored: list[bytes] | None = None, *, copy: Copy = ignore_copy) -> None:
        self._stored = [] if stored is None else stored
        self._head = Head(len(self._stored), hash_of(self._stored[-1])) if self._stored else Head()
        self._copy = copy

    def append(self, drafts: Sequence[Draft], stamp: Stamp) -> list[Record]:
        built = build_records(self._head, drafts, stamp)
        records = [record for record, _ in built]
        self._stored.extend(stored for _, stored in built)
        self._head = Head(len(self._stored), hash_of(self._stored[-1])) if self._stored else Head()
        self._copy(records)
        return records

    def read(self) -> list[Record]:
        return [Record.from_bytes(stored) for stored in self._stored]

    def head(self) -> Head:
        return self._head
