"""Which runs there were, so that any machine can tell: one object at the begin of a run, one at its end.

``SCOPE`` is the tenant a run works on, or ``all``. A run that only paused, waits or fell silent has no
end object: it can be resumed, and ``status`` shows it as open.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from drp.errors import ConflictError, NotFoundError
from drp.model.values import JsonMap
from drp.ports.objects import ObjectReader, ObjectStore
from drp.witness.records import check_name, find_record, put_own, render_record

ROOT: Final = "runs/"
ALL: Final = "all"
_END: Final = ".end.json"


def lease_name(scope: str, run: str) -> str:
    """Of the lease that whoever works on the run holds."""
    return f"run-{run}" if scope == ALL else scope


@dataclass(frozen=True, slots=True, kw_only=True)
class RunBegin:
    """A run as it began. ``scope`` a tenant or ``all``; ``began`` RFC 3339; ``details`` e.g. from, to."""

    run: str
    scope: str
    verb: str
    owner: str
    machine: str
    began: str
    plan_digest: str
    details: JsonMap = field(default_factory=dict)

    @property
    def lease(self) -> str:
        """Name of the lease of whoever works on it: the tenant's, or the run's own when it is over many."""
        return lease_name(self.scope, self.run)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnd:
    """How a run ended: ``status`` a word of the exit codes (done, as before …), ``ended`` RFC 3339."""

    run: str
    scope: str
    status: str
    exit_code: int
    ended: str
    journal_head: str = ""
    details: JsonMap = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunName:
    """What the keys alone say."""

    scope: str
    run: str
    is_ended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEntry:
    """A run with its end, None while it is open."""

    begin: RunBegin
    end: RunEnd | None


def _key(scope: str, run: str) -> str:
    return f"{ROOT}{check_name(scope)}/{check_name(run)}"


class RunReader:
    """Reads the index of runs. Errors: those of the store, RejectedError."""

    def __init__(self, store: ObjectReader) -> None:
        self._reader = store

    def names(self, scope: str = "") -> list[RunName]:
        """All runs, or those of one scope, sorted by scope and name; reads keys only."""
        keys = set(self._reader.list(f"{ROOT}{check_name(scope)}/" if scope else ROOT))
        begins = sorted(key for key in keys if key.endswith(".json") and not key.endswith(_END))
        stems = [key.removesuffix(".json") for key in begins]
        return [
            RunName(scope=stem.split("/")[1], run=stem.split("/")[2], is_ended=f"{stem}{_END}" in keys)
            for stem in stems
        ]

    def find(self, run: str) -> RunEntry | None:
        """The run of that id, or the only one whose id ends in ``-run``; None when there is none.

        Raises ConflictError when a tail fits several runs.
        """
        names = self.names()
        hits = [name for name in names if name.run == run] or [
            name for name in names if name.run.endswith(f"-{run}")
        ]
        if len(hits) > 1:
            raise ConflictError(
                f"cannot tell run '{run}': it may be {', '.join(hit.run for hit in hits)}",
                hint=f"Write it in full, as in `drp status {hits[0].run}`.",
            )
        return self.load_one(hits[0]) if hits else None

    def iter_open(self, scope: str = "") -> Iterator[RunEntry]:
        """Runs that have not ended, those that fell silent included."""
        for name in self.names(scope):
            if not name.is_ended:
                yield self.load_one(name)

    def load(self, scope: str = "") -> list[RunEntry]:
        """All runs (of the scope) by time of begin, the newest last. One or two reads a run."""
        return sorted(
            (self.load_one(name) for name in self.names(scope)), key=lambda entry: entry.begin.began
        )

    def load_one(self, name: RunName) -> RunEntry:
        """Begin and end of a run that is listed. Raises NotFoundError when it went away meanwhile."""
        key = _key(name.scope, name.run)
        begin = find_record(self._reader, RunBegin, f"{key}.json")
        if begin is None:
            raise NotFoundError(f"cannot read run '{name.run}': its object went away meanwhile")
        return RunEntry(begin=begin, end=find_record(self._reader, RunEnd, f"{key}{_END}"))


class Runs(RunReader):
    """Writes the index of runs."""

    def __init__(self, store: ObjectStore) -> None:
        super().__init__(store)
        self._store = store

    def begin(self, record: RunBegin) -> None:
        """Raises ConflictError when a run of that name exists and began otherwise."""
        if not put_own(self._store, f"{_key(record.scope, record.run)}.json", render_record(record)):
            raise ConflictError(
                f"cannot begin run '{record.run}': a run of that name exists",
                hint=f"Look at it with `drp status {record.run}`.",
            )

    def end(self, record: RunEnd) -> None:
        """Write the end; repeating it with the same outcome is no error, another outcome ConflictError."""
        key = f"{_key(record.scope, record.run)}{_END}"
        if put_own(self._store, key, render_record(record)):
            return
        written = find_record(self._store, RunEnd, key)
        if written is not None and written.status != record.status:
            raise ConflictError(
                f"cannot end run '{record.run}' as {record.status}: it ended as {written.status} "
                f"at {written.ended}",
                hint=f"Look at it with `drp status {record.run}`.",
            )
