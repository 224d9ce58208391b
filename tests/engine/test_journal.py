"""Both journals keep one contract; the one on disk also keeps its word."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

import drp.engine
from drp.engine.journal import (
    GENESIS,
    Copy,
    Draft,
    Head,
    Journal,
    JournalError,
    MemoryJournal,
    Record,
    Stamp,
    hash_of,
    ignore_copy,
)
from drp.engine.sqlite_journal import SqliteJournal
from drp.model.values import Json, Secret

STAMP = Stamp(time=datetime(2031, 3, 4, 2, 11, tzinfo=UTC), actor="ops@h1", epoch=17)
DRAFTS = [
    Draft(kind="start", step="a", attempt=1),
    Draft(kind="done", step="a", attempt=1, data={"outputs": {"ü": [1, None]}}),
]

Open = Callable[..., Journal]


@pytest.fixture(params=["memory", "sqlite"])
def open_journal(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    stored: list[bytes] = []

    def opened(copy: Copy = ignore_copy) -> Journal:
        if request.param == "memory":
            return MemoryJournal(stored, copy=copy)
        return SqliteJournal(tmp_path / "run.db", copy=copy)

    return opened


def test_records_are_numbered_stamped_and_chained(open_journal: Open) -> None:
    journal = open_journal()
    journal.append(DRAFTS[:1], STAMP)
    journal.append(DRAFTS[1:], STAMP)

    first, second = journal.read()
    assert (first.seq, first.prev, second.seq) == (1, GENESIS, 2)
    assert second.prev == hash_of(first.to_bytes())
    assert (second.time, second.actor, second.epoch) == (STAMP.time, "ops@h1", 17)
    assert (second.kind, second.step, second.attempt, second.data) == (
        "done",
        "a",
        1,
        {"outputs": {"ü": [1, None]}},
    )


def test_append_gives_what_read_gives(open_journal: Open) -> None:
    journal = open_journal()

    assert journal.append(DRAFTS, STAMP) == journal.read()


def test_head_is_number_and_hash_of_the_last_record(open_journal: Open) -> None:
    journal = open_journal()
    assert journal.head() == Head(0, GENESIS)

    last = journal.append(DRAFTS, STAMP)[-1]
    assert journal.head() == Head(2, hash_of(last.to_bytes()))


def test_reopened_journal_goes_on_where_it_ended(open_journal: Open) -> None:
    open_journal().append(DRAFTS, STAMP)
    again = open_journal()
    again.append([Draft(kind="resumed")], STAMP)

    assert [record.kind for record in open_journal().read()] == ["start", "done", "resumed"]


def test_nothing_to_append_changes_nothing(open_journal: Open) -> None:
    journal = open_journal()
    journal.append(DRAFTS, STAMP)
    head = journal.head()

    assert journal.append([], STAMP) == []
    assert journal.head() == head


def test_copy_is_given_records_that_can_be_read_already(open_journal: Open) -> None:
    seen: list[tuple[int, int]] = []
    journal: Journal

    def copy(records: list[Record]) -> None:
        seen.append((len(records), len(journal.read())))

    journal = open_journal(copy)
    journal.append(DRAFTS, STAMP)
    journal.append([Draft(kind="resumed")], STAMP)

    assert seen == [(2, 2), (1, 3)]


def test_secret_cannot_be_recorded(open_journal: Open) -> None:
    journal = open_journal()

    with pytest.raises(TypeError):
        journal.append([Draft(kind="done", data={"outputs": cast(Json, Secret(b"hidden"))})], STAMP)

    assert journal.read() == []


def test_record_survives_a_trip_through_bytes() -> None:
    record = MemoryJournal().append(DRAFTS, STAMP)[1]

    assert Record.from_bytes(record.to_bytes()) == record


# -- on disk


@pytest.fixture
def path(tmp_path: Path) -> Path:
    journal = SqliteJournal(tmp_path / "run.db")
    for _ in range(20):
        journal.append(DRAFTS, STAMP)
    journal.close()
    return tmp_path / "run.db"


def change(path: Path, statement: str, *values: object) -> None:
    database = sqlite3.connect(path)
    with database:
        database.execute(statement, values)
    database.close()


def open_fails(path: Path) -> str:
    with pytest.raises(JournalError) as caught:
        SqliteJournal(path, create=False)
    return str(caught.value).replace(str(path), "FILE")


def test_journal_is_written_ahead_and_synced_at_every_commit(path: Path) -> None:
    journal = SqliteJournal(path)

    assert journal._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert journal._db.execute("PRAGMA synchronous").fetchone() == (2,)


def test_altered_record_is_refused(path: Path) -> None:
    change(path, "UPDATE record SET body = replace(body, 'ops@h1', 'ops@h2') WHERE seq = 7")

    assert open_fails(path) == "cannot trust journal 'FILE': record 7 was altered"


def test_altered_record_with_a_new_hash_breaks_the_chain(path: Path) -> None:
    stored = sqlite3.connect(path).execute("SELECT body FROM record WHERE seq = 7").fetchone()[0]
    forged = stored.replace("ops@h1", "ops@h2")
    change(path, "UPDATE record SET body = ?, hash = ? WHERE seq = 7", forged, hash_of(forged.encode()))

    assert open_fails(path) == "cannot trust journal 'FILE': record 8 does not follow the one before"


def test_body_of_another_type_is_refused(path: Path) -> None:
    change(path, "UPDATE record SET body = CAST(body AS BLOB) WHERE seq = 7")

    assert open_fails(path) == "cannot trust journal 'FILE': record 7 was altered"


def test_any_sql_tool_can_read_it(path: Path) -> None:
    """The command of the README."""
    readme = (Path(drp.engine.__file__).parent / "README.md").read_text()
    query = readme.split('sqlite3 run.db "')[1].split('"')[0]

    rows = sqlite3.connect(path).execute(query).fetchall()

    assert rows[1] == ("2031-03-04T02:11:00+00:00", "done", "a")


def test_missing_record_is_refused(path: Path) -> None:
    change(path, "DELETE FROM record WHERE seq = 7")

    assert open_fails(path) == "cannot trust journal 'FILE': record 7 is missing"


def test_record_that_is_no_record_is_refused(path: Path) -> None:
    change(path, "UPDATE record SET body = ?, hash = ? WHERE seq = 40", "{}", hash_of(b"{}"))

    assert open_fails(path) == "cannot trust journal 'FILE': record 40 was altered"


def test_newer_format_is_refused(path: Path) -> None:
    change(path, "PRAGMA user_version = 2")

    assert open_fails(path) == "cannot open journal 'FILE': format 2, this drp reads 1"


def test_foreign_database_is_refused(tmp_path: Path) -> None:
    change(tmp_path / "other.db", "CREATE TABLE cats (name TEXT)")

    assert open_fails(tmp_path / "other.db") == "cannot open journal 'FILE': it is no journal of drp"


def test_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run.db").write_bytes(b"not a database, but long enough to look at" * 100)

    assert open_fails(tmp_path / "run.db") == "cannot open journal 'FILE': file is not a database"


def test_missing_file_is_refused_unless_it_may_be_created(tmp_path: Path) -> None:
    assert open_fails(tmp_path / "run.db") == "cannot open journal 'FILE': it does not exist"
    assert not (tmp_path / "run.db").exists()


def test_second_writer_is_refused_and_loses_nothing(path: Path) -> None:
    first, second = SqliteJournal(path), SqliteJournal(path)
    first.append(DRAFTS, STAMP)

    with pytest.raises(JournalError, match="another process has written to it"):
        second.append(DRAFTS, STAMP)

    assert len(SqliteJournal(path).read()) == 42


def test_reader_sees_whole_commits_while_another_writes(path: Path) -> None:
    writer, reader = SqliteJournal(path), SqliteJournal(path)
    writer.append(DRAFTS, STAMP)

    assert len(reader.read()) == 42


def test_append_that_fails_leaves_no_part_behind(path: Path) -> None:
    journal = SqliteJournal(path)
    journal._db.execute(
        "CREATE TRIGGER full BEFORE INSERT ON record WHEN new.seq = 42"
        " BEGIN SELECT raise(ABORT, 'disk full'); END"
    )

    with pytest.raises(JournalError) as caught:
        journal.append(DRAFTS, STAMP)

    assert str(caught.value).replace(str(path), "FILE") == "cannot write journal 'FILE': disk full"
    assert len(journal.read()) == 40
    assert journal.head().seq == 40


@pytest.mark.parametrize("seed", range(40))
def test_damaged_file_is_refused_or_read_whole(path: Path, tmp_path: Path, seed: int) -> None:
    """The database file alone (its log is written back): what is not whole is never read shorter."""
    chance = random.Random(seed)
    whole = SqliteJournal(path).read()
    damaged = tmp_path / "damaged.db"
    shutil.copyfile(path, damaged)
    content = bytearray(damaged.read_bytes())
    if seed % 4 == 0:
        del content[chance.randrange(len(content)) :]
    else:
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    damaged.write_bytes(content)

    try:
        found = SqliteJournal(damaged, create=False).read()
    except JournalError:
        return
    assert found == whole
