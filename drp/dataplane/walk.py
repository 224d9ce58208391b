"""Raw BSON walked in place: nothing is decoded that does not have to be.

Sizes and type numbers: bsonspec.org, version 1.1.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from drp.errors import VerificationError

_INT32 = struct.Struct("<i").unpack_from
_FIXED = {0x01: 8, 0x06: 0, 0x07: 12, 0x08: 1, 0x09: 8, 0x0A: 0, 0x10: 4, 0x11: 8, 0x12: 8, 0x13: 16}
_FIXED |= {0x7F: 0, 0xFF: 0}
_WHOLE = frozenset({0x03, 0x04, 0x0F})  # document, array, code with scope: the length counts itself
_PREFIXED = {0x02: 4, 0x05: 5, 0x0C: 16, 0x0D: 4, 0x0E: 4}  # bytes beside those the length counts
_REGEX = 0x0B
ARRAY = 0x04
DOCUMENT = 0x03
TIMESTAMP = 0x11


class Element(NamedTuple):
    """One field of a document: where it starts, where its value starts and ends."""

    kind: int
    name: bytes
    start: int
    value: int
    end: int


def iter_elements(raw: bytes | memoryview, at: int = 0) -> Iterator[Element]:
    """The fields of the document that starts at ``at``. Raises VerificationError when it is broken."""
    buffer = bytes(raw) if isinstance(raw, memoryview) else raw
    try:
        last = at + _INT32(buffer, at)[0] - 1
        if buffer[last]:
            raise ValueError("no end")
        position = at + 4
        while position < last:
            element = _read_element(buffer, position)
            yield element
            position = element.end
    except (struct.error, ValueError, IndexError, KeyError) as error:
        raise VerificationError("cannot read a document: its BSON is broken") from error
    if position != last:
        raise VerificationError("cannot read a document: its BSON is broken")


def _read_element(buffer: bytes, start: int) -> Element:
    kind = buffer[start]
    value = buffer.index(0, start) + 1
    return Element(kind, buffer[start + 1 : value - 1], start, value, value + _size(buffer, kind, value))


def _size(buffer: bytes, kind: int, value: int) -> int:
    if kind in _FIXED:
        return _FIXED[kind]
    if kind == _REGEX:
        return buffer.index(0, buffer.index(0, value) + 1) + 1 - value
    (length,) = _INT32(buffer, value)
    if length < 0:
        raise ValueError("negative length")
    return int(length) if kind in _WHOLE else int(length) + _PREFIXED[kind]


def find_element(raw: bytes, name: bytes, at: int = 0) -> Element | None:
    """The first field of that name in the document at ``at``."""
    return next((element for element in iter_elements(raw, at) if element.name == name), None)


def split_array(raw: bytes, at: int) -> list[memoryview]:
    """The documents of an array of documents that starts at ``at``, as views into ``raw``."""
    view, find, unpack = memoryview(raw), raw.index, _INT32
    documents: list[memoryview] = []
    take = documents.append
    last = at + unpack(raw, at)[0] - 1
    position = at + 4
    while position < last:
        position = find(0, position) + 1
        end = position + unpack(raw, position)[0]
        take(view[position:end])
        position = end
    return documents


def split_documents(raw: bytes) -> list[memoryview]:
    """Documents laid end to end, as views into ``raw``. Raises VerificationError when the last one is cut."""
    view, unpack, size = memoryview(raw), _INT32, len(raw)
    documents: list[memoryview] = []
    position = 0
    while position + 5 <= size:
        end = position + unpack(raw, position)[0]
        if end < position + 5:
            break
        documents.append(view[position:end])
        position = end
    if position != size:
        raise VerificationError(f"cannot split {size} bytes into documents: the last one is cut")
    return documents
