"""A run's records, wherever they survived: the state folder, else the copy in the witness."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from drp.engine.journal import Draft, JournalError, Record, Stamp
from drp.engine.sqlite_journal import SqliteJournal
from drp.ports.objects import ObjectReader
from drp.witness.journal_copy import CopiedRecord, JournalCopyReader, compare


def read_local(path: Path) -> list[Record]:
    """The journal in the state folder; [] when there is none. Raises JournalError when it is broken."""
    if not path.is_file():
        return []
    with closing(SqliteJournal(path, create=False)) as journal:
        return journal.read()


def read_records(path: Path, witness: ObjectReader, run: str) -> list[Record]:
    """The longer of journal and copy. Nothing is written.

    Raises JournalError when they tell different stories, RejectedError when the copy has a gap.
    """
    local = read_local(path)
    copy = JournalCopyReader(witness).load(run)
    verdict = compare([CopiedRecord(record.seq, record.to_bytes()) for record in local], copy)
    if verdict.verdict == "different":
        raise JournalError(
            f"cannot trust journal '{path}': record {verdict.seq} is not the one in the witness",
            hint="Run it where its journal is right, or with an empty `--state` folder.",
        )
    return local if verdict.verdict in ("equal", "ahead") else [_parse(record) for record in copy]


def repair_local(path: Path, records: Sequence[Record]) -> None:
    """Add to the journal here what it lacks of ``records``, so that it ends as they do."""
    with closing(SqliteJournal(path)) as journal:
        for record in records[journal.head().seq :]:
            draft = Draft(kind=record.kind, step=record.step, attempt=record.attempt, data=record.data)
            added = journal.append([draft], Stamp(time=record.time, actor=record.actor, epoch=record.epoch))
            if added != [record]:
                raise JournalError(
                    f"cannot rebuild journal '{path}': record {record.seq} does not follow the one before"
                )


def _parse(copied: CopiedRecord) -> Record:
    try:
        record = Record.from_bytes(copied.content)
    except (ValueError, TypeError, KeyError) as error:
        raise JournalError(
            f"cannot read record {copied.seq} in the witness: it is no record of drp"
        ) from error
    return record
