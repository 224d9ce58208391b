"""Frames: documents laid end to end, compressed and sealed so that none can be swapped, cut or carried over.

A sealed frame is ``nonce (12) | AES-256-GCM(zstd(documents)) | tag (16)``. Everything that says where a
frame belongs and what is in it goes into the additional data, so a frame opens in its own place only.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from drp.errors import VerificationError
from drp.model.values import Secret

STORED, ZSTD = 0, 1
MAX_RAW_BYTES = 16 * 2**20 + 16 * 2**10  # one document of the greatest size a server stores
FRAME_BYTES = 8 * 2**20
FRAME_DOCUMENTS = 100_000  # the most a server takes in one insert
_NONCE = 12
_TAG = 16
_LEVEL = 1
_WORTH = 0.95  # compressed to more than this share, it is stored as it is
_NUMBERS = struct.Struct(">QQQQBQQ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The attempt that a frame belongs to."""

    tenant: str
    backup_id: str
    attempt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a frame stands: ``kind`` is ``frame``, ``footer`` or ``catalog``; ``frame`` counts from 0."""

    kind: str
    pack: int = 0
    frame: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a frame holds: the part ``sequence`` of stream ``stream``."""

    stream: int
    sequence: int
    codec: int
    documents: int
    raw_bytes: int


class Sealer:
    """Seals and opens the frames of one attempt; safe to share between threads."""

    def __init__(self, data_key: Secret, scope: Scope) -> None:
        self._cipher = AESGCM(data_key.reveal())
        self._names = b"".join(_prefixed(text) for text in (scope.tenant, scope.backup_id, scope.attempt))

    def seal(self, place: Place, head: Head, body: bytes) -> bytes:
        """``body`` is already encoded as ``head.codec`` says."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, body, self._bind(place, head))

    def open(self, place: Place, head: Head, sealed: bytes | memoryview) -> bytes:
        """The documents. Raises VerificationError when anything about the frame is not as it was sealed."""
        try:
            body = self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], self._bind(place, head))
        except (InvalidTag, ValueError) as error:
            where = f"{place.kind} {place.pack}/{place.frame}"
            raise VerificationError(f"cannot open {where}: it is not what was sealed there") from error
        return decode_body(head, body)

    def _bind(self, place: Place, head: Head) -> bytes:
        numbers = _NUMBERS.pack(
            place.pack,
            place.frame,
            head.stream,
            head.sequence,
            head.codec,
            head.raw_bytes,
            head.documents,
        )
        return b"drp frame 1\0" + _prefixed(place.kind) + self._names + numbers


def encode_body(raw: bytes) -> tuple[int, bytes]:
    """(codec, body): compressed when that is worth it. One compressor a call, so threads do not meet."""
    packed = zstandard.ZstdCompressor(level=_LEVEL).compress(raw)
    return (ZSTD, packed) if len(packed) < len(raw) * _WORTH else (STORED, raw)


def decode_body(head: Head, body: bytes) -> bytes:
    """Raises VerificationError when the length is not what the head says."""
    raw = body
    if head.codec == ZSTD:
        try:
            raw = zstandard.ZstdDecompressor().decompress(body, max_output_size=head.raw_bytes)
        except zstandard.ZstdError as error:
            raise VerificationError(f"cannot decompress a frame: {error}") from error
    if len(raw) != head.raw_bytes:
        raise VerificationError(f"cannot read a frame: {len(raw)} bytes instead of {head.raw_bytes}")
    return raw


def _prefixed(text: str) -> bytes:
    raw = text.encode()
    return struct.pack(">I", len(raw)) + raw
