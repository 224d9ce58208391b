"""The copy of a run's journal in the witness, so that the run's memory does not die with a site.

Records are opaque here: a rising sequence number and the very bytes that were hashed, without line feeds.
Batches are put once under the number of the writer's lease and their own first and last number, at most one
second or 200 records behind; ``flush`` puts what is left now, for the records that must be in the witness
before their effect.

Two holders of a lease may both have written record 101: the first one when it was no holder any more. The
higher lease number is right, and everything the lower one wrote from there on is void.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from drp.errors import ConflictError, ProviderError, RejectedError
from drp.ports.objects import ObjectReader, ObjectStore
from drp.witness.records import check_name, put_own

ROOT: Final = "journals/"
BATCH: Final = 200
BEHIND_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class CopiedRecord:
    """``seq`` rises by one from record to record; ``content`` is one line without its line feed."""

    seq: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Comparison:
    """A local journal beside its copy.

    ``equal``: the same. ``ahead``: the copy lacks records from ``seq`` on. ``short``: the local journal
    lacks records from ``seq`` on (repair from the copy). ``different``: they differ at ``seq`` (refuse).
    """

    verdict: Literal["equal", "ahead", "short", "different"]
    seq: int = 0


def compare(local: Sequence[CopiedRecord], copy: Sequence[CopiedRecord]) -> Comparison:
    """Both from their first record on. A copy may be behind; a local journal that is short is damaged."""
    for mine, copied in zip(local, copy, strict=False):
        if mine != copied:
            return Comparison("different", min(mine.seq, copied.seq))
    if len(local) > len(copy):
        return Comparison("ahead", local[len(copy)].seq)
    if len(copy) > len(local):
        return Comparison("short", copy[len(local)].seq)
    return Comparison("equal")


@dataclass(frozen=True, slots=True, order=True)
class _Span:
    """What the key of a batch says; in order of writing."""

    lease: int
    first: int
    last: int


def _key(run: str, span: _Span) -> str:
    return f"{ROOT}{check_name(run)}/{span.lease:06d}/{span.first:08d}-{span.last:08d}.jsonl"


def _span(key: str) -> _Span:
    match = re.fullmatch(rf"{ROOT}[^/]+/(\d+)/(\d+)-(\d+)\.jsonl", key)
    if not match:
        raise _unreadable(key, "this is not the name of a batch of records")
    return _Span(*map(int, match.groups()))


def _unreadable(key: str, cause: str) -> RejectedError:
    hint = "Look at the object by hand: no other program may write to the witness's bucket."
    return RejectedError(f"cannot read '{key}' in the witness: {cause}", hint=hint, page="B5")


class JournalCopyReader:
    """Reads copies back. Errors: those of the store; RejectedError for a copy with a gap or a fork."""

    def __init__(self, store: ObjectReader) -> None:
        self._reader = store

    def runs(self) -> tuple[str, ...]:
        """Runs that have a copy, sorted."""
        return tuple(sorted({key.split("/")[1] for key in self._reader.list(ROOT)}))

    def head(self, run: str) -> CopiedRecord | None:
        """The last record of the copy, or None when there is no copy. Reads one batch."""
        keys = self._keys(run)
        newest = max(keys, key=lambda key: (_span(key).lease, _span(key).last), default=None)
        return self._batch(newest)[-1] if newest else None

    def load(self, run: str) -> list[CopiedRecord]:
        """All records from the first on, without gap; [] when there is no copy.

        Batches may overlap. Where they do they must agree, or have been written under different leases.
        """
        story = _Story()
        for key in self._keys(run):
            for record in self._batch(key):
                story.add(record, _span(key).lease, key)
        return story.records

    def _keys(self, run: str) -> list[str]:
        return sorted(self._reader.list(f"{ROOT}{check_name(run)}/"), key=_span)

    def _batch(self, key: str) -> list[CopiedRecord]:
        span = _span(key)
        lines = self._reader.get(key).split(b"\n")
        if lines.pop() or len(lines) != span.last - span.first + 1:
            raise _unreadable(key, f"it has {len(lines)} whole records, not those of its name")
        return [CopiedRecord(span.first + index, line) for index, line in enumerate(lines)]


class _Story:
    """One run's records, put together from batches in order of their leases."""

    def __init__(self) -> None:
        self.records: list[CopiedRecord] = []
        self._leases: list[int] = []

    def add(self, record: CopiedRecord, lease: int, key: str) -> None:
        start = self.records[0].seq if self.records else record.seq
        index = record.seq - start
        if index > len(self.records):
            raise _unreadable(key, f"records before {record.seq} are missing")
        if index < len(self.records):
            if self.records[index] == record:
                return
            if lease <= self._leases[index]:
                raise _unreadable(key, f"record {record.seq} has another version")
            del self.records[index:], self._leases[index:]
        self.records.append(record)
        self._leases.append(lease)


class JournalCopy(JournalCopyReader):
    """Copies one run's journal while it is written. ``add`` never blocks; the thread or ``flush`` puts."""

    def __init__(
        self,
        store: ObjectStore,
        run: str,
        *,
        lease: Callable[[], int] = lambda: 0,
        behind_s: float = BEHIND_S,
    ) -> None:
        """``lease`` gives the number that the writer holds now; ``behind_s``: how long a record may wait."""
        super().__init__(store)
        self._store = store
        self._run = run
        self._lease = lease
        self._behind_s = behind_s
        self._lease_of_batch = 0
        self._pending: deque[CopiedRecord] = deque()
        self._batch_under_way: list[CopiedRecord] = []
        self._changed = threading.Condition()
        self._putting = threading.Lock()
        self._stopping = False
        self._error: ProviderError | None = None
        self._thread = threading.Thread(target=self._loop, name=f"journal-copy-{run}", daemon=True)

    def start(self) -> None:
        """Begin to copy in the background."""
        self._thread.start()

    def add(self, records: Iterable[CopiedRecord]) -> None:
        """Take records that are durable locally, in rising order without gap. The journal's copy hook."""
        with self._changed:
            self._pending.extend(records)
            self._changed.notify_all()

    def flush(self) -> None:
        """Return once all records added so far are in the witness. Raises what the store raises."""
        with self._putting:
            while self._put_batch():
                pass

    def behind(self) -> int:
        """Records that are not yet known to be in the witness."""
        with self._changed:
            return len(self._pending) + len(self._batch_under_way)

    @property
    def error(self) -> ProviderError | None:
        """Why the last try failed, or None when it went well."""
        return self._error

    def stop(self) -> None:
        """Flush, then end the thread (in any case). Raises as ``flush``."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()
        self.flush()

    def _put_batch(self) -> bool:
        """Put one batch; False when there is nothing to put. A batch keeps its bounds until it is stored,
        because a put whose answer was lost may have been done."""
        with self._changed:
            if not self._batch_under_way:
                count = min(BATCH, len(self._pending))
                self._batch_under_way = [self._pending.popleft() for _ in range(count)]
                self._lease_of_batch = self._lease()
            batch = self._batch_under_way
        if not batch:
            return False
        self._put(batch)
        with self._changed:
            self._batch_under_way = []
        return True

    def _put(self, batch: list[CopiedRecord]) -> None:
        key = _key(self._run, _Span(self._lease_of_batch, batch[0].seq, batch[-1].seq))
        content = b"".join(record.content + b"\n" for record in batch)
        if not put_own(self._store, key, content):
            raise ConflictError(
                f"cannot copy the journal of '{self._run}': '{key}' holds other records",
                hint=f"Another process went on with this run; look with `drp status {self._run}`.",
                page="B5",
            )

    def _loop(self) -> None:
        while self._await_work():
            try:
                self.flush()
                self._error = None
            except ProviderError as error:
                # The next turn tries again; ``behind`` and ``error`` tell meanwhile.
                self._error = error

    def _await_work(self) -> bool:
        """Wait for a full batch, at most a second (after a failure always a second); False at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or self._is_batch_full(), timeout=self._behind_s)
            return not self._stopping

    def _is_batch_full(self) -> bool:
        return self._error is None and len(self._pending) >= BATCH
