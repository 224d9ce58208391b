"""Journals for people and auditors: every record in words, and whether all are as they were written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Final

from drp.commands.assignment import header_of
from drp.commands.endings import DONE, FINDINGS
from drp.commands.journals import read_copy, read_local, recall
from drp.commands.results import Listing
from drp.commands.runs import SUFFIX, StateFolder
from drp.engine.fold import fold
from drp.engine.journal import JournalError, Record, hash_of
from drp.engine.journal_mark import JournalMark
from drp.errors import DrpError, ProviderError, RefusedError
from drp.model.inventory import Inventory
from drp.model.values import Json, JsonMap
from drp.ports.objects import ObjectReader
from drp.witness.journal_copy import CopiedRecord, compare
from drp.witness.runs import RunReader

_MARKS: Final = {True: "✓", False: "✗"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing looked at in one journal."""

    run: str
    what: str
    well: bool
    text: str


class Archive:
    """The journals that can be seen from here: those in the state folder, and the copies in the witness."""

    def __init__(self, state: Path, witness: ObjectReader, inventory: Inventory) -> None:
        self._folder = StateFolder(state)
        self._witness = witness
        self._inventory = inventory

    def show(self, word: str) -> Listing:
        """All records of a run. Raises RefusedError when there is none, JournalError as ``recall``."""
        run, records = self.recall(word, verb="show")
        found: list[Json] = [_to_json(record) for record in records]
        return Listing(
            lines=tuple(_table([_cells(record) for record in records])),
            data={"run": run, "records": found},
            summary=f"{run}: {len(records)} records",
        )

    def recall(self, word: str, *, verb: str) -> tuple[str, Sequence[Record]]:
        """The run's id and all its records. Raises RefusedError when there is none, JournalError."""
        run = self._find(word)
        records = self._records(run)
        if not records:
            raise RefusedError(
                f"cannot {verb} journal '{run}': nothing of it was recorded", hint="See `drp status`."
            )
        return run, records

    def verify(self, word: str) -> Listing:
        """Look at one run or file, or at all journals here. Ends with ``findings`` when one is not well."""
        path = Path(word)
        if word and path.is_file():
            findings = [*self._look(path, "")]
        else:
            runs = [self._find(word)] if word else self._folder.runs()
            findings = [found for run in runs for found in self._look(self._folder.journal(run), run)]
        return _listing(findings)

    def _records(self, run: str) -> Sequence[Record]:
        path = self._folder.journal(run)
        try:
            return recall(path, self._witness, run).records
        except ProviderError:
            # The witness is away; what is here can still be shown.
            if not path.is_file():
                raise
            return read_local(path)

    def _find(self, word: str) -> str:
        """The run of that id, tail or tenant. Raises RefusedError."""
        here = [run for run in self._folder.runs() if run == word or run.endswith(f"-{word}")]
        if len(here) == 1:
            return here[0]
        reader = RunReader(self._witness)
        if word in self._inventory.tenants:
            entries = reader.load(word)
            entry = entries[-1] if entries else None
        else:
            entry = reader.find(word)
        if entry is None:
            raise RefusedError(
                f"cannot find journal '{word}': there is no such run", hint="See `drp status`."
            )
        return entry.begin.run

    def _look(self, path: Path, run: str) -> Iterator[Finding]:
        """Stops at what makes the rest meaningless."""
        name = run or path.name.removesuffix(SUFFIX)
        local: Sequence[Record] = []
        if path.is_file():
            try:
                local = read_local(path)
                state = fold(local)
            except JournalError as error:
                yield Finding(run=name, what="journal", well=False, text=error.message)
                return
            name = state.plan.run
            yield Finding(run=name, what="journal", well=True, text=_whole(path, local))
        yield from self._look_at_copy(name, local)

    def _look_at_copy(self, run: str, local: Sequence[Record]) -> Iterator[Finding]:
        try:
            copy = read_copy(self._witness, run)
            if not local and not copy:
                yield Finding(run=run, what="copy", well=False, text="there is no journal and no copy of it")
                return
            if not local:
                fold(copy)
            entry = RunReader(self._witness).find(run)
        except DrpError as error:
            yield Finding(run=run, what="copy", well=False, text=error.message)
            return
        yield _compare(run, local, copy)
        records = local if len(local) > len(copy) else copy
        yield _check_header(run, records)
        if entry is not None and entry.end is not None and entry.end.journal_head:
            yield _check_end(run, records, entry.end.journal_head)


def _whole(path: Path, records: Sequence[Record]) -> str:
    marked = "" if JournalMark(path).read() else ", no mark tells if that is all"
    return f"{len(records)} records in one chain{marked}"


def _compare(run: str, local: Sequence[Record], copy: Sequence[Record]) -> Finding:
    if not local:
        return Finding(run=run, what="copy", well=True, text=f"{len(copy)} records in one chain, none here")
    found = compare(*([CopiedRecord(r.seq, r.to_bytes()) for r in records] for records in (local, copy)))
    text = {
        "equal": "the same in the witness",
        "ahead": f"the witness lacks records from {found.seq} on",
        "short": f"the run went on elsewhere: the witness has records from {found.seq} on",
        "different": f"record {found.seq} is not the one in the witness",
    }[found.verdict]
    return Finding(run=run, what="copy", well=found.verdict != "different", text=text)


def _check_header(run: str, records: Sequence[Record]) -> Finding:
    planned, found = header_of(records).get("plan"), fold(records).plan.digest()
    text = f"plan {found[:12]}" if planned == found else f"record 1 names plan {planned}, it holds {found}"
    return Finding(run=run, what="plan", well=planned == found, text=text)


def _check_end(run: str, records: Sequence[Record], head: str) -> Finding:
    is_known = any(hash_of(record.to_bytes()) == head for record in records)
    text = "ends as the witness says" if is_known else "the end the witness names is none of its records"
    return Finding(run=run, what="end", well=is_known, text=text)


def _listing(findings: Sequence[Finding]) -> Listing:
    bad = sum(not found.well for found in findings)
    lines = [f"{_MARKS[found.well]} {found.run}  {found.what:<8} {found.text}" for found in findings]
    listed: list[Json] = [
        {"run": each.run, "what": each.what, "well": each.well, "message": each.text} for each in findings
    ]
    ending = FINDINGS if bad else DONE
    summary = f"{bad} bad, {len(findings) - bad} well · exit {ending.code}"
    return Listing(lines=tuple(lines), data={"findings": listed}, summary=summary, ending=ending)


def _to_json(record: Record) -> JsonMap:
    return {
        "seq": record.seq,
        "time": _time(record),
        "actor": record.actor,
        "lease": record.epoch,
        "kind": record.kind,
        "step": record.step,
        "attempt": record.attempt,
        "data": record.data,
        "prev": record.prev,
    }


def _time(record: Record) -> str:
    return record.time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _cells(record: Record) -> tuple[str, ...]:
    """One record as a row: number, time, actor, lease, kind, step and attempt, words."""
    step = record.step + (f" #{record.attempt}" if record.attempt > 1 else "")
    return (
        str(record.seq),
        _time(record),
        record.actor,
        str(record.epoch),
        record.kind,
        step,
        _words(record),
    )


def _words(record: Record) -> str:
    """What a record says beside its kind."""
    data = record.data
    failure = data.get("failure")
    if isinstance(failure, dict):
        return str(failure.get("message", ""))
    if record.kind == "plan":
        header = header_of([record])
        return (
            f"plan {header.get('world', '?')} by drp {header.get('drp', '?')} on {header.get('machine', '?')}"
        )
    texts = [data[key] for key in ("answer", "reason", "outcome") if key in data]
    return ", ".join(str(text) for text in texts)


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    head = ("seq", "time", "actor", "lease", "kind", "step", "")
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head) - 1)]
    for row in [head, *rows]:
        cells = [f"{cell:<{width}}" for cell, width in zip(row[:-1], widths, strict=True)]
        yield "  ".join([*cells, row[-1]]).rstrip()
