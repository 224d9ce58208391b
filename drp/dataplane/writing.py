"""From documents to packs in the store: cut into pieces, sealed by several threads, put once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate, count
from threading import Lock

from drp.dataplane.flow import ByteQueue
from drp.dataplane.frames import FRAME_BYTES, FRAME_DOCUMENTS, Sealer
from drp.dataplane.manifest import Pack
from drp.dataplane.packs import PACK_BYTES, PackWriter, Piece, sha256
from drp.dataplane.store import Store
from drp.dataplane.tally import EMPTY, Tally, tally_documents

Emit = Callable[[Piece], None]


class Cutter:
    """Gathers the documents of one stream into pieces of some 8 MiB, in order."""

    def __init__(self, stream: int, emit: Emit) -> None:
        self._stream = stream
        self._emit = emit
        self._pending: list[bytes | memoryview] = []
        self._held = 0
        self._sequence = 0
        self.total = EMPTY

    def add(self, documents: Sequence[bytes | memoryview]) -> None:
        """Takes documents over; full pieces are emitted at once."""
        ends = list(accumulate(map(len, documents)))
        start = 0
        while start < len(documents):
            taken = ends[start - 1] if start else 0
            stop = bisect_right(ends, taken + FRAME_BYTES - self._held, start)
            stop = min(stop, start + FRAME_DOCUMENTS - len(self._pending))
            if stop == start and not self._pending:
                stop += 1  # a document larger than a piece goes alone
            self._pending += documents[start:stop]
            self._held += (ends[stop - 1] if stop else 0) - taken
            start = stop
            if start < len(documents):
                self.flush()

    def flush(self) -> None:
        """Emits what is gathered."""
        if not self._pending:
            return
        tally = tally_documents(self._pending)
        raw = b"".join(self._pending)
        self._emit(Piece(stream=self._stream, sequence=self._sequence, raw=raw, tally=tally))
        self._sequence += 1
        self.total += tally
        self._pending, self._held = [], 0


class PackShelf:
    """Numbers packs and writes them; each thread of ``work`` fills one pack at a time."""

    def __init__(self, store: Store, sealer: Sealer, prefix: str) -> None:
        self._store = store
        self._sealer = sealer
        self._prefix = prefix
        self._numbers = count(1)
        self._lock = Lock()
        self._packs: list[Pack] = []

    @property
    def packs(self) -> tuple[Pack, ...]:
        """All packs put so far, by number."""
        return tuple(sorted(self._packs, key=lambda pack: pack.number))

    def work(self, queue: ByteQueue[Piece]) -> None:
        """Seals pieces from the queue until it ends. Errors of the store come through."""
        writer: PackWriter | None = None
        while (piece := queue.get()) is not None:
            writer = writer or PackWriter(self._sealer, self._next())
            writer.add(piece)
            if writer.size >= PACK_BYTES:
                self._put(writer)
                writer = None
        if writer:
            self._put(writer)

    def _next(self) -> int:
        with self._lock:
            return next(self._numbers)

    def _put(self, writer: PackWriter) -> None:
        content = writer.finish()
        name = f"{self._prefix}{writer.number:06d}.pack"
        self._store.put_once(name, content)
        total: Tally = sum((frame.tally for frame in writer.frames), EMPTY)
        pack = Pack(
            number=writer.number,
            object=name,
            sha256=sha256(content),
            bytes=len(content),
            frames=len(writer.frames),
            documents=total.documents,
            raw_bytes=total.bytes,
            streams=tuple(sorted({frame.head.stream for frame in writer.frames})),
        )
        with self._lock:
            self._packs.append(pack)
