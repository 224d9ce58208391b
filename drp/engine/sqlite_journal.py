"""The journal on disk: one SQLite file a run, written ahead, synced at every commit.

Table ``record``: ``seq``, ``body`` (the record's stored bytes, as text), ``hash`` (SHA-256 of them). A commit
that was answered survives a power failure as far as the disk keeps its word; whatever else happens to
the file is found on opening, by sequence numbers, hash chain and the mark beside it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from drp.engine.journal import (
    FORMAT,
    Copy,
    DamagedJournalError,
    Draft,
    Head,
    JournalError,
    Record,
    Stamp,
    build_records,
    check_chain,
    hash_of,
    ignore_copy,
)
from drp.engine.journal_mark import JournalMark

APPLICATION_ID: Final = 0x64727031
"""``drp1`` in the file's header, so that another program's database is not taken for a journal."""

_BUSY_SECONDS: Final = 5.0
_DISK: Final = "Look at the disk and at the file's rights; the witness has a copy of the journal."
_ELSEWHERE: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_AUTH,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CONSTRAINT,
    }
)
"""What SQLite answers when the trouble is not in the file's own content."""


class SqliteJournal:
    """Journal of one run in the file ``path``; one writer at a time, any number of readers.

    ``create`` False refuses a missing file. ``read_only`` leaves the file as it is, damage included.
    Raises DamagedJournalError when it is not whole, JournalError when that cannot be told.
    """

    def __init__(
        self, path: Path, *, create: bool = True, read_only: bool = False, copy: Copy = ignore_copy
    ) -> None:
        self.path = path
        self._copy = copy
        if not (create and not read_only) and not path.is_file():
            raise JournalError(f"cannot open journal '{path}': it does not exist")
        self.mark = JournalMark(path)
        # Read first: a writer commits before it marks.
        marked = self.mark.read()
        with self._told("open"):
            mode = "ro" if read_only else "rwc" if create else "rw"
            # Opened and used by whichever thread runs the loop; never by two at a time.
            self._db = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={mode}",
                uri=True,
                timeout=_BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )
        try:
            with self._told("open"):
                self._prepare(may_create=mode == "rwc")
                records = self.read()
            self._check_mark(marked, records)
        except BaseException:
            self._db.close()
            raise
        self._head = _head_of(records)

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
            self._write_mark()
        records = [record for record, _ in built]
        self._copy(records)
        return records

    def read(self) -> list[Record]:
        with self._told("read"):
            rows = self._db.execute("SELECT seq, body, hash FROM record ORDER BY seq").fetchall()
        name = str(self.path)
        return list(check_chain(_bodies(rows, name), name))

    def head(self) -> Head:
        return self._head

    def close(self) -> None:
        """Give the file back."""
        self._db.close()
        self.mark.close()

    def _write_mark(self) -> None:
        try:
            self.mark.write(self._head)
        except OSError as error:
            raise JournalError(
                f"cannot write journal '{self.path}': its mark, {error.strerror}", hint=_DISK
            ) from error

    def _check_mark(self, marked: Head | None, records: Sequence[Record]) -> None:
        if marked is None or marked.seq == 0:
            return
        if len(records) < marked.seq:
            ends = f"it ends at record {len(records)}, {marked.seq} were written"
            raise DamagedJournalError(f"cannot trust journal '{self.path}': {ends}")
        if hash_of(records[marked.seq - 1].to_bytes()) != marked.hash:
            raise DamagedJournalError(
                f"cannot trust journal '{self.path}': record {marked.seq} is not the one that was written"
            )

    def _prepare(self, *, may_create: bool) -> None:
        self._db.execute("PRAGMA synchronous = FULL")
        application, version = self._pragma("application_id"), self._pragma("user_version")
        is_new = (application, version) == (0, 0) and not self._db.execute(
            "SELECT 1 FROM sqlite_master LIMIT 1"
        ).fetchone()
        if is_new and may_create:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._create()
        elif application != APPLICATION_ID:
            raise DamagedJournalError(f"cannot open journal '{self.path}': it is no journal of drp")
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
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
            kind = JournalError if code in _ELSEWHERE else DamagedJournalError
            raise kind(f"cannot {verb} journal '{self.path}': {error}", hint=_DISK) from error


def _bodies(rows: Sequence[tuple[int, object, object]], name: str) -> Iterator[bytes]:
    """The stored bytes of each row. Raises DamagedJournalError when one is not as its row says."""
    for expected, (seq, body, stored_hash) in enumerate(rows, start=1):
        if seq != expected:
            raise DamagedJournalError(f"cannot trust journal '{name}': record {expected} is missing")
        stored = body.encode() if isinstance(body, str) else b""
        if hash_of(stored) != stored_hash:
            raise DamagedJournalError(f"cannot trust journal '{name}': record {seq} was altered")
        yield stored


def _head_of(records: Sequence[Record]) -> Head:
    return Head(records[-1].seq, hash_of(records[-1].to_bytes())) if records else Head()
