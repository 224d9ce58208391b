"""Random BSON documents of every type that exists, as raw bytes."""

from __future__ import annotations

import re
import struct
from decimal import Decimal

import bson
from bson.binary import Binary
from bson.code import Code
from bson.datetime_ms import DatetimeMS
from bson.dbref import DBRef
from bson.decimal128 import Decimal128, create_decimal128_context
from bson.int64 import Int64
from bson.max_key import MaxKey
from bson.min_key import MinKey
from bson.objectid import ObjectId
from bson.regex import Regex
from bson.timestamp import Timestamp
from hypothesis import strategies as st

_texts = st.text("a\0ü€😀 .$", max_size=12)
_names = st.text("abü€.$_0", max_size=6)
_uint32 = st.integers(0, 2**32 - 1)

_scalars = st.one_of(
    st.floats(width=64),
    _texts,
    st.builds(Binary, st.binary(max_size=20), st.sampled_from([0, 1, 3, 4, 5, 6, 7, 0x80, 0xFF])),
    st.binary(min_size=12, max_size=12).map(ObjectId),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1).map(DatetimeMS),
    st.none(),
    st.builds(Regex, _names, st.sampled_from([0, re.I, re.M | re.S, re.X])),
    st.builds(Code, _names),
    st.builds(Code, _names, st.dictionaries(_names, st.integers(-5, 5), max_size=2)),
    st.integers(-(2**31), 2**31 - 1),
    st.builds(Timestamp, _uint32, _uint32),
    st.integers(-(2**63), 2**63 - 1).map(Int64),
    st.decimals(allow_nan=True).map(
        lambda value: Decimal128(create_decimal128_context().create_decimal(Decimal(value)))
    ),
    st.just(MinKey()),
    st.just(MaxKey()),
    st.builds(DBRef, _names, st.integers(0, 9)),
)

_values = st.recursive(
    _scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_names, inner, max_size=4)),
    max_leaves=12,
)

# Types that the driver reads but does not write any more: undefined, DBPointer, symbol; and a name twice.
_pointer = b"\x0cp\0" + struct.pack("<i", 4) + b"a.b\0" + bytes(range(12))
_old = st.sampled_from(
    [b"\x06u\0", _pointer, b"\x0es\0" + struct.pack("<i", 3) + b"ab\0", b"\x10i\0\1\0\0\0"]
)


def _with_old_types(raw: bytes, extra: list[bytes]) -> bytes:
    body = raw[4:-1] + b"".join(extra) + b"\0"
    return struct.pack("<i", len(body) + 4) + body


documents = st.builds(
    _with_old_types,
    st.dictionaries(_names, _values, max_size=6).map(lambda value: bson.encode(value)),
    st.lists(_old, max_size=4),
)
"""Raw bytes of one document."""
