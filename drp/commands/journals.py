"""A run's records, wherever they survived: the state folder, the copy in the witness, or parts of both.

A journal that ends where its mark says is whole. Where it is not (a flipped bit, a cut file, an empty
state folder), the copy in the witness is taken; that may be up to a second behind, so records at the end may
be missing then, and ``may_lack`` says so: what could have begun in that second is to be treated as begun.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from drp.engine.journal import DamagedJournalError, Draft, JournalError, Record, Stamp, check_chain
from drp.engine.journal_mark import SUFFIX as MARK
from drp.engine.journal_mark import JournalMark
from drp.engine.sqlite_journal import SqliteJournal
from drp.ports.objects import ObjectReader
from drp.witness.journal_copy import CopiedRecord, JournalCopyReader, compare

_PARTS: Final = ("", "-wal", "-shm", MARK)
"""A journal's files, by what follows its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What survived of a run, and whether the file here can be gone on with.

    ``damage``: why it cannot (it is kept aside and built anew), "" when it can. ``may_lack``: records after
    the last one may be lost. ``copied``: how many of the records are in the witness.
    """

    records: Sequence[Record]
    damage: str = ""
    may_lack: bool = False
    copied: int = 0


def read_local(path: Path) -> list[Record]:
    """The journal in the state folder; [] when there is none. Nothing is written, not even by SQLite.

    Raises DamagedJournalError when it is not whole, JournalError when it cannot be read.
    """
    if not path.is_file():
        return []
    with closing(SqliteJournal(path, read_only=True)) as journal:
        return journal.read()


def read_copy(witness: ObjectReader, run: str) -> list[Record]:
    """The copy in the witness, checked; [] when there is none.

    Raises RejectedError for a copy with a gap, DamagedJournalError for a broken chain, the store's errors.
    """
    copied = JournalCopyReader(witness).load(run)
    return list(check_chain((record.content for record in copied), f"{run} in the witness"))


def read_records(path: Path, witness: ObjectReader, run: str) -> Sequence[Record]:
    """All that is known of the run; [] when nothing is. Raises as ``recall``. Nothing is written."""
    return recall(path, witness, run).records


def recall(path: Path, witness: ObjectReader, run: str) -> Memory:
    """Journal and copy laid beside each other. Nothing is written.

    Raises JournalError when neither can be trusted or they tell different stories; and as ``read_copy``.
    """
    copy = read_copy(witness, run)
    try:
        local = read_local(path)
    except DamagedJournalError as error:
        return _from_copy(path, copy, run, damage=error)
    verdict = compare(_copied(local), _copied(copy))
    if verdict.verdict == "different":
        return _judge_fork(path, local, copy, seq=verdict.seq)
    is_whole = JournalMark(path).read() is not None and bool(local)
    if verdict.verdict == "short":
        # What is missing here was written by a process on another machine.
        return Memory(records=copy, may_lack=_may_lack(copy), copied=len(copy))
    return Memory(records=local, may_lack=not is_whole and _may_lack(local), copied=len(copy))


def restore(path: Path, memory: Memory, *, drafts: Sequence[Draft], stamp: Stamp) -> Path | None:
    """Make the journal here hold what ``memory`` does, and then ``drafts``; all of it or nothing.

    Only for whoever holds the run's lease. A file that cannot be gone on with is kept beside as
    ``RUN.journal.damaged-N``; its name is returned.
    """
    if not memory.damage and read_local(path) == [*memory.records]:
        _append_drafts(path, drafts, stamp)
        return None
    fresh = path.with_name(f"{path.name}.new")
    _remove(fresh)
    with closing(SqliteJournal(fresh)) as journal:
        _append_records(journal, memory.records)
        journal.append(drafts, stamp)
    kept = _set_aside(path) if memory.damage and path.exists() else None
    _remove(path)
    # The mark last: without one the journal is not taken for whole.
    for part in _PARTS:
        _move(fresh, path, part)
    _sync_folder(path.parent)
    return kept


def _append_drafts(path: Path, drafts: Sequence[Draft], stamp: Stamp) -> None:
    with closing(SqliteJournal(path, create=False)) as journal:
        journal.append(drafts, stamp)
        journal.mark.write(journal.head())


def _from_copy(path: Path, copy: Sequence[Record], run: str, *, damage: JournalError) -> Memory:
    if not copy:
        raise DamagedJournalError(
            f"{damage.message}; the witness has no copy of it",
            hint=f"Look at the world instead with `drp journal rebuild {run}`.",
            page="B3",
        ) from damage
    marked = JournalMark(path).read()
    is_all = marked is not None and marked.seq <= len(copy)
    return Memory(
        records=copy, damage=damage.message, may_lack=not is_all and _may_lack(copy), copied=len(copy)
    )


def _judge_fork(path: Path, local: Sequence[Record], copy: Sequence[Record], *, seq: int) -> Memory:
    """Two stories: one was written by a process that had lost its lease, or somebody tampered."""
    mine, theirs = local[seq - 1], copy[seq - 1]
    if theirs.epoch <= mine.epoch:
        raise JournalError(
            f"cannot trust journal '{path}': record {seq} is not the one in the witness",
            hint="Run it where its journal is right, or with an empty `--state` folder.",
            page="B5",
        )
    damage = f"journal '{path}' goes on from record {seq} without its lease: {theirs.actor} held it by then"
    return Memory(records=copy, damage=damage, may_lack=_may_lack(copy), copied=len(copy))


def _may_lack(records: Sequence[Record]) -> bool:
    """Whoever ends a run, or takes it up, tells the witness before anything else happens."""
    return bool(records) and records[-1].kind not in ("ended", "judged")


def _copied(records: Sequence[Record]) -> list[CopiedRecord]:
    return [CopiedRecord(record.seq, record.to_bytes()) for record in records]


def _append_records(journal: SqliteJournal, records: Sequence[Record]) -> None:
    """In as few commits as stamps allow. Raises JournalError when one does not follow the one before."""
    for (time, actor, epoch), group in itertools.groupby(records, lambda r: (r.time, r.actor, r.epoch)):
        wanted = list(group)
        drafts = [Draft(kind=r.kind, step=r.step, attempt=r.attempt, data=r.data) for r in wanted]
        if journal.append(drafts, Stamp(time=time, actor=actor, epoch=epoch)) != wanted:
            broken = f"record {wanted[0].seq} does not follow the one before"
            raise JournalError(f"cannot rebuild journal '{journal.path}': {broken}")


def _set_aside(path: Path) -> Path:
    """The first free ``RUN.journal.damaged-N``."""
    taken = (path.with_name(f"{path.name}.damaged-{number}") for number in itertools.count(1))
    kept = next(name for name in taken if not name.exists())
    for part in reversed(_PARTS):
        _move(path, kept, part)
    return kept


def _move(source: Path, target: Path, part: str) -> None:
    found = source.with_name(source.name + part)
    if found.exists():
        found.replace(target.with_name(target.name + part))


def _remove(path: Path) -> None:
    for part in reversed(_PARTS):
        path.with_name(path.name + part).unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
