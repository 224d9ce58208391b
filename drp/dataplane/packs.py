"""Packs: frames in one object of some 16 MiB, put once, with a sealed table of contents at the end.

``DRPPACK1 | length u32 | sealed frame | ... | sealed footer | footer lengths 2 x u32 | DRPPACK1``. The footer
tells for each frame its stream, sequence, codec, sizes, offset and digest, so a lost manifest could be
made again from the packs.
"""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import dataclass

from drp.dataplane.canonical import render_canonical
from drp.dataplane.frames import STORED, Head, Place, Sealer, encode_body
from drp.dataplane.tally import Tally, parse_digest, render_digest
from drp.errors import VerificationError
from drp.model.values import Json

MAGIC = b"DRPPACK1"
PACK_BYTES = 16 * 2**20
_LENGTH = struct.Struct(">I")
_TAIL = struct.Struct(">II")  # sealed and raw length of the footer


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One line of a pack's footer; ``offset`` and ``sealed_bytes`` leave the length field out."""

    number: int
    head: Head
    digest: int
    offset: int
    sealed_bytes: int

    @property
    def tally(self) -> Tally:
        return Tally(documents=self.head.documents, bytes=self.head.raw_bytes, digest=self.digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Documents on their way into a pack: part ``sequence`` of a stream, with what they amount to."""

    stream: int
    sequence: int
    raw: bytes
    tally: Tally


class PackWriter:
    """One pack being filled by one thread."""

    def __init__(self, sealer: Sealer, number: int) -> None:
        self.number = number
        self.frames: list[Frame] = []
        self.size = len(MAGIC)
        self._sealer = sealer
        self._parts: list[bytes] = [MAGIC]

    def add(self, piece: Piece) -> None:
        """Compress and seal a piece at the end of this pack."""
        codec, body = encode_body(piece.raw)
        head = Head(
            stream=piece.stream,
            sequence=piece.sequence,
            codec=codec,
            documents=piece.tally.documents,
            raw_bytes=piece.tally.bytes,
        )
        sealed = self._sealer.seal(Place(kind="frame", pack=self.number, frame=len(self.frames)), head, body)
        self._append(_LENGTH.pack(len(sealed)))
        frame = Frame(
            number=len(self.frames),
            head=head,
            digest=piece.tally.digest,
            offset=self.size,
            sealed_bytes=len(sealed),
        )
        self.frames.append(frame)
        self._append(sealed)

    def finish(self) -> bytes:
        """The object's bytes; the writer is used up."""
        footer = _render_footer(self.frames)
        sealed = self._sealer.seal(Place(kind="footer", pack=self.number), _footer_head(len(footer)), footer)
        self._append(sealed)
        self._append(_TAIL.pack(len(sealed), len(footer)) + MAGIC)
        return b"".join(self._parts)

    def _append(self, part: bytes) -> None:
        self._parts.append(part)
        self.size += len(part)


class PackReader:
    """One pack in memory. Raises VerificationError for whatever is not as it was written."""

    def __init__(self, sealer: Sealer, number: int, content: bytes) -> None:
        self._sealer = sealer
        self._number = number
        self._content = memoryview(content)
        self.frames = self._read_footer(content)

    def open(self, frame: Frame) -> bytes:
        """The documents of one of ``frames``."""
        sealed = self._content[frame.offset : frame.offset + frame.sealed_bytes]
        place = Place(kind="frame", pack=self._number, frame=frame.number)
        return self._sealer.open(place, frame.head, sealed)

    def _read_footer(self, content: bytes) -> tuple[Frame, ...]:
        tail = len(content) - len(MAGIC) - _TAIL.size
        if tail < len(MAGIC) or not content.startswith(MAGIC) or not content.endswith(MAGIC):
            raise VerificationError(f"cannot read pack {self._number}: it is cut")
        sealed_bytes, raw_bytes = _TAIL.unpack_from(content, tail)
        sealed = self._content[tail - sealed_bytes : tail] if sealed_bytes <= tail else b""
        place = Place(kind="footer", pack=self._number)
        return _parse_footer(self._sealer.open(place, _footer_head(raw_bytes), sealed))


def sha256(content: bytes) -> str:
    """Hex, as in the manifest."""
    return hashlib.sha256(content).hexdigest()


def _footer_head(raw_bytes: int) -> Head:
    return Head(stream=0, sequence=0, codec=STORED, documents=0, raw_bytes=raw_bytes)


def _render_footer(frames: list[Frame]) -> bytes:
    rows: list[Json] = []
    for frame in frames:
        head = frame.head
        numbers = [head.stream, head.sequence, head.codec, head.documents, head.raw_bytes]
        rows.append([*numbers, frame.offset, frame.sealed_bytes, render_digest(frame.digest)])
    return render_canonical({"format": 1, "frames": rows})


def _parse_footer(raw: bytes) -> tuple[Frame, ...]:
    return tuple(_parse_row(number, row) for number, row in enumerate(json.loads(raw)["frames"]))


def _parse_row(number: int, row: list[int | str]) -> Frame:
    stream, sequence, codec, documents, raw_bytes, offset, sealed_bytes = map(int, row[:7])
    head = Head(stream=stream, sequence=sequence, codec=codec, documents=documents, raw_bytes=raw_bytes)
    digest = parse_digest(str(row[7]))
    return Frame(number=number, head=head, digest=digest, offset=offset, sealed_bytes=sealed_bytes)
