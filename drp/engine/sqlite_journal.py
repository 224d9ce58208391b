"""The journal on disk: one SQLite file a run, written ahead, synced at every commit.

Table ``record``: ``seq``, ``body`` (the record's stored bytes, as text), ``hash`` (SHA-256 of them). A commit
that was answered survives a power failure as far as the disk keeps its word; whatever else happens to
the file is found on opening, by sequence numbers and hash chain.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from drp.engine.journal import (
    FORMAT,
    GENESIS,
    Copy,
    Draft,
    Head,
    JournalError,
    Record,
    Stamp,
    build_records,
    hash_of,
    ignore_copy,
)

APPLICATION_ID: Final = 0x64727031
"""``drp1`` in the file's header, so that another program's database is not taken for a journal."""

_BUSY_SECONDS: Final = 5.0


class SqliteJournal:
    """Journal of one run in the file ``path``; one writer at a time, any number of readers.

    ``create`` False refuses a missing file. Raises JournalError when the file is not whole.
    """

    def __init__(self, path: Path, *, create: bool = True, copy: Copy = ignore_copy) -> None:
        self.path = path
        self._copy = copy
        if not create and not path.is_file():
            raise JournalError(f"cannot open journal '{path}': it does not exist")
        with self._told("open"):
            # Opened and used by whichever thread runs the loop; never by two at a time.
            uri = f"{path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}"
            self._db = sqlite3.connect(
                uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._prepare()
            self._head = _head_of(self.read())

    def append(self, drafts: Sequence[Draft], stamp: Stamp) -> list[Record]:
        built = build_records(self._head, drafts, stamp)
        rows = [(record.seq, stored.decode(), hash_of(stored)) for record, stored in built]
        with self._told("write"), self._transaction():
            last = self._db.execute("SELECT max(seq) FROM record").fetchone()[0] or 0
            if last != self._head.seq:
                raise JournalError(f"cannot write journal '{self.path}': another process has written to it")
            self._db.executemany("INSERT INTO record (seq, body, hash) VALUES (?, ?, ?)", rows)
        if rows:
            self._head = Head(rows[-1][0], rows[-1][2])
        records = [record for record, _ in built]
        self._copy(records)
        return records

    def read(self) -> list[Record]:
        with self._told("read"):
            rows = self._db.execute("SELECT seq, body, hash FROM record ORDER BY seq").fetchall()
        return list(_checked(rows, str(self.path)))

    def head(self) -> Head:
        return self._head

    def close(self) -> None:
        """Give the file back."""
        self._db.close()

    def _prepare(self) -> None:
        self._db.execute("PRAGMA synchronous = FULL")
        application, version = self._pragma("application_id"), self._pragma("user_version")
        is_new = (application, version) == (0, 0) and not self._db.execute(
            "SELECT 1 FROM sqlite_master LIMIT 1"
        ).fetchone()
        if is_new:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._create()
        elif application != APPLICATION_ID:
            raise JournalError(f"cannot open journal '{self.path}': it is no journal of drp")
        elif version != FORMAT:
            raise JournalError(
                f"cannot open journal '{self.path}': format {version}, this drp reads {FORMAT}",
                hint="Use a drp at least as new as the one that began the run.",
            )

    def _create(self) -> None:
        with self._transaction():
            if self._pragma("application_id") == APPLICATION_ID:
                return
            self._db.execute(
                "CREATE TABLE record (seq INTEGER PRIMARY KEY, body TEXT NOT NULL, hash TEXT NOT NULL)"
            )
            self._db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            self._db.execute(f"PRAGMA user_version = {FORMAT}")

    def _pragma(self, name: str) -> int:
        return int(self._db.execute(f"PRAGMA {name}").fetchone()[0])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    @contextmanager
    def _told(self, verb: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise JournalError(
                f"cannot {verb} journal '{self.path}': {error}",
                hint="Look at the disk and at the file's rights; the witness has a copy of the journal.",
            ) from error


def _checked(rows: Sequence[tuple[int, object, object]], name: str) -> Iterator[Record]:
    previous = GENESIS
    for expected, (seq, body, stored_hash) in enumerate(rows, start=1):
        if seq != expected:
            raise JournalError(f"cannot trust journal '{name}': record {expected} is missing")
        stored = body.encode() if isinstance(body, str) else b""
        found = hash_of(stored)
        record = _parse(stored) if found == stored_hash else None
        if record is None:
            raise JournalError(f"cannot trust journal '{name}': record {seq} was altered")
        if record.seq != seq or record.prev != previous:
            raise JournalError(f"cannot trust journal '{name}': record {seq} does not follow the one before")
        previous = found
        yield record


def _parse(stored: bytes) -> Record | None:
    try:
        return Record.from_bytes(stored)
    except (ValueError, TypeError, KeyError):
        return None


def _head_of(records: Sequence[Record]) -> Head:
    return Head(records[-1].seq, hash_of(records[-1].to_bytes())) if records else Head()
