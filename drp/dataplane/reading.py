"""From packs in the store back to documents: verified, opened and handed out frame by frame."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from threading import Lock

from drp.dataplane import keys
from drp.dataplane.frames import ZSTD, Head, Place, Sealer
from drp.dataplane.manifest import Manifest, Pack, Stream, get_verified
from drp.dataplane.packs import Frame, PackReader
from drp.dataplane.store import Reader
from drp.dataplane.tally import EMPTY, Tally
from drp.errors import DeniedError, VerificationError
from drp.model.values import Secret

CATALOG = Place(kind="catalog")


def catalog_head(raw_bytes: int) -> Head:
    """The catalog is one compressed frame of one document."""
    return Head(stream=0, sequence=0, codec=ZSTD, documents=1, raw_bytes=raw_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The opened documents of one frame, laid end to end."""

    stream: int
    sequence: int
    tally: Tally
    raw: bytes


class BackupReader:
    """One backup and its data key. All errors of a damaged or forged backup are VerificationError."""

    def __init__(self, store: Reader, manifest: Manifest, data_key: Secret) -> None:
        """Raises DeniedError when the key is not that of the backup."""
        if keys.build_check_value(data_key) != manifest.data_key.check:
            cause = "the data key is that of another attempt"
            raise DeniedError(f"cannot open backup '{manifest.backup_id}': {cause}")
        self._store = store
        self._sealer = Sealer(data_key, manifest.scope)
        self._manifest = manifest

    def load_catalog(self) -> bytes:
        """The raw catalog document."""
        catalog = self._manifest.catalog
        sealed = get_verified(self._store, catalog.object, catalog.sha256)
        return self._sealer.open(CATALOG, catalog_head(catalog.raw_bytes), sealed)

    def find_packs(self, streams: Collection[int]) -> list[Pack]:
        """Packs that hold frames of these streams."""
        return [pack for pack in self._manifest.packs if not set(streams).isdisjoint(pack.streams)]

    def iter_parts(self, pack: Pack, streams: Collection[int]) -> Iterator[Part]:
        """The frames of these streams in one pack."""
        reader = self._open(pack)
        for frame in reader.frames:
            if frame.head.stream in streams:
                yield _part(frame, reader.open(frame))

    def iter_ordered(self, stream: Stream) -> Iterator[Part]:
        """The frames of one stream in the order they were read; one pack is held at a time."""
        places = [
            (frame.head.sequence, pack, frame)
            for pack in self.find_packs([stream.number])
            for frame in self._open(pack).frames
            if frame.head.stream == stream.number
        ]
        current: tuple[int, PackReader] | None = None
        for _, pack, frame in sorted(places, key=lambda place: place[0]):
            if current is None or current[0] != pack.number:
                current = (pack.number, self._open(pack))
            yield _part(frame, current[1].open(frame))

    def _open(self, pack: Pack) -> PackReader:
        reader = PackReader(self._sealer, pack.number, get_verified(self._store, pack.object, pack.sha256))
        if len(reader.frames) != pack.frames:
            raise VerificationError(f"cannot use '{pack.object}': it has not the frames of the manifest")
        return reader


def _part(frame: Frame, raw: bytes) -> Part:
    return Part(stream=frame.head.stream, sequence=frame.head.sequence, tally=frame.tally, raw=raw)


class Completeness:
    """Adds up what came out of a backup and holds it against the manifest; used by several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._seen: dict[int, Tally] = defaultdict(lambda: EMPTY)

    def count(self, part: Part) -> None:
        with self._lock:
            self._seen[part.stream] += part.tally

    def check(self, streams: Sequence[Stream]) -> None:
        """Raises VerificationError when a stream did not come out whole."""
        for stream in streams:
            seen, wanted = self._seen[stream.number], stream.tally
            if (seen.documents, seen.bytes, seen.digest) != (wanted.documents, wanted.bytes, wanted.digest):
                raise VerificationError(
                    f"cannot trust the backup of '{stream.database}.{stream.name}': "
                    f"{seen.documents} of {wanted.documents} documents are in its packs"
                )
