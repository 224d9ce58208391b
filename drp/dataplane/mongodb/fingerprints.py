"""Digests of what is not a document of the tenant: options, index specifications, users, roles.

They must come out equal on two servers that mean the same, so numbers are compared by value and the order
of the outer fields does not count. Order inside counts: in an index key it is the index.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import bson
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.decimal128 import Decimal128
from xxhash import xxh3_128_hexdigest

from drp.dataplane.mongodb.catalog import CollectionInfo
from drp.model.values import Json

_PLAIN: CodecOptions[dict[str, Any]] = CodecOptions(datetime_conversion=DatetimeConversion.DATETIME_AUTO)
_HOW_NOT_WHAT = frozenset({"ns", "background"})  # fields of an index that older servers add


def decode(raw: bytes) -> dict[str, Any]:
    """A small document as a dict."""
    return bson.decode(raw, _PLAIN)


def fingerprint(value: object) -> str:
    """32 hex digits over the meaning of a value."""
    return xxh3_128_hexdigest(json.dumps(_normalise(value), separators=(",", ":")).encode())


def fingerprint_document(document: Mapping[str, Any], *, without: frozenset[str] = frozenset()) -> str:
    """As ``fingerprint``, blind to the order of the outer fields."""
    return fingerprint(sorted((name, value) for name, value in _kept(document, without)))


def fingerprint_options(info: CollectionInfo) -> dict[str, str]:
    """Option -> digest, with the type of the collection among them."""
    options = {name: fingerprint(value) for name, value in decode(info.options).items()}
    return {"type": fingerprint(info.type), **options}


def fingerprint_indexes(info: CollectionInfo) -> dict[str, str]:
    """Index name -> digest of its specification."""
    specs = [decode(raw) for raw in info.indexes]
    return {str(spec["name"]): fingerprint_document(spec, without=_HOW_NOT_WHAT) for spec in specs}


def _kept(document: Mapping[str, Any], without: frozenset[str]) -> list[tuple[str, str]]:
    return [(name, fingerprint(value)) for name, value in document.items() if name not in without]


def _normalise(value: object) -> Json:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, str):
        return ["s", str(value)]
    if isinstance(value, (int, float, Decimal128)):
        return ["n", _spell_number(value)]
    if isinstance(value, Mapping):
        return ["d", *([str(name), _normalise(inner)] for name, inner in value.items())]
    if isinstance(value, (list, tuple)):
        return ["a", *(_normalise(inner) for inner in value)]
    return [type(value).__name__, repr(value)]


def _spell_number(value: float | Decimal128) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
