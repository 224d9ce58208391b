"""Documents through frames and packs and back, and what happens to a damaged one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drp.dataplane import keys, walk
from drp.dataplane.frames import STORED, ZSTD, Head, Place, Scope, Sealer, encode_body
from drp.dataplane.packs import PackReader, PackWriter, Piece
from drp.dataplane.tally import EMPTY, tally_documents, tally_in_order
from drp.errors import VerificationError
from tests.dataplane.documents import documents

SCOPE = Scope(tenant="acme", backup_id="b1", attempt="a1")
KEY = keys.new_data_key()
SEALER = Sealer(KEY, SCOPE)


def piece(raw: list[bytes], stream: int = 0, sequence: int = 0) -> Piece:
    return Piece(stream=stream, sequence=sequence, raw=b"".join(raw), tally=tally_documents(raw))


def pack(*pieces: Piece, number: int = 3, sealer: Sealer = SEALER) -> bytes:
    writer = PackWriter(sealer, number)
    for part in pieces:
        writer.add(part)
    return writer.finish()


def doc(text: str) -> bytes:
    return b"".join(
        [
            (len(text) + 13).to_bytes(4, "little"),
            b"\x02t\0",
            (len(text) + 1).to_bytes(4, "little"),
            text.encode(),
            b"\0\0",
        ]
    )


@settings(max_examples=30)
@given(st.lists(documents, min_size=1, max_size=8), st.lists(documents, max_size=8))
def test_documents_of_every_type_come_back_byte_for_byte(first: list[bytes], second: list[bytes]) -> None:
    reader = PackReader(SEALER, 3, pack(piece(first), piece(second, stream=1, sequence=4)))
    back = [[bytes(view) for view in walk.split_documents(reader.open(frame))] for frame in reader.frames]
    assert back == [first, second]
    assert [frame.tally for frame in reader.frames] == [tally_documents(first), tally_documents(second)]
    assert [(frame.head.stream, frame.head.sequence) for frame in reader.frames] == [(0, 0), (1, 4)]


@given(documents)
def test_walk_meets_every_field_of_a_document(raw: bytes) -> None:
    elements = list(walk.iter_elements(raw))
    assert b"".join(raw[element.start : element.end] for element in elements) == raw[4:-1]


@settings(max_examples=40)
@given(st.lists(documents, max_size=6), st.integers(0, 6))
def test_tally_adds_up_over_parts_and_is_blind_to_order(raw: list[bytes], cut: int) -> None:
    whole = tally_documents(raw)
    assert tally_documents(raw[:cut]) + tally_documents(raw[cut:]) == whole
    assert tally_documents(raw[::-1]) == whole


def test_tally_sees_a_document_that_is_there_twice() -> None:
    assert tally_documents([doc("a"), doc("a")]).digest not in (0, tally_documents([doc("a")]).digest)


def test_order_digest_sees_order_and_adds_up() -> None:
    a, b = doc("a"), doc("b")
    assert tally_in_order([a, b], 0).order != tally_in_order([b, a], 0).order
    assert tally_in_order([a], 0) + tally_in_order([b], 1) == tally_in_order([a, b], 0)
    assert EMPTY + tally_in_order([a], 0) == tally_in_order([a], 0)


def test_what_does_not_compress_is_stored() -> None:
    assert encode_body(bytes(10_000))[0] == ZSTD
    assert encode_body(KEY.reveal())[0] == STORED


def test_cut_document_is_refused() -> None:
    with pytest.raises(VerificationError, match="is cut"):
        walk.split_documents(doc("hello")[:-1])


@pytest.mark.parametrize(
    "raw", [b"\x0c\0\0\0\x99a\0\0\0\0\0\0", b"\x0c\0\0\0\x10a\0\0\0", b"\x09\0\0\0\x10a\0\0"]
)
def test_broken_document_is_refused(raw: bytes) -> None:
    with pytest.raises(VerificationError, match="BSON is broken"):
        list(walk.iter_elements(raw))


@pytest.mark.parametrize("cut", [1, 8, 16, 40])
@pytest.mark.failure_mode("D1")
def test_cut_pack_is_refused(cut: int) -> None:
    with pytest.raises(VerificationError):
        PackReader(SEALER, 3, pack(piece([doc("hello")]))[:-cut])


def open_first(content: bytes) -> bytes:
    reader = PackReader(SEALER, 3, content)
    return reader.open(reader.frames[0])


@pytest.mark.failure_mode("D2")
def test_every_flipped_byte_is_noticed() -> None:
    content = pack(piece([doc("hello")]))
    lengths = range(8, 12)  # of the first frame: told again, and sealed, in the footer
    for place in set(range(len(content))) - set(lengths):
        damaged = bytearray(content)
        damaged[place] ^= 1
        with pytest.raises(VerificationError):
            open_first(bytes(damaged))


def swap_frames(content: bytes) -> bytes:
    """Two frames of equal length exchanged."""
    frames = PackReader(SEALER, 3, content).frames
    first, second = (content[f.offset : f.offset + f.sealed_bytes] for f in frames)
    return content.replace(first, b"#" * len(first)).replace(second, first).replace(b"#" * len(first), second)


def test_swapped_frames_do_not_open() -> None:
    reader = PackReader(SEALER, 3, swap_frames(pack(piece([doc("one")]), piece([doc("two")]))))
    with pytest.raises(VerificationError, match="not what was sealed there"):
        reader.open(reader.frames[0])


def test_pack_of_another_number_does_not_open() -> None:
    with pytest.raises(VerificationError, match="not what was sealed there"):
        PackReader(SEALER, 4, pack(piece([doc("one")]), number=3))


@pytest.mark.parametrize(
    "scope",
    [
        Scope(tenant="globex", backup_id="b1", attempt="a1"),
        Scope(tenant="acme", backup_id="b2", attempt="a1"),
        Scope(tenant="acme", backup_id="b1", attempt="a2"),
        Scope(tenant="acmeb", backup_id="1", attempt="a1"),
    ],
)
def test_frame_of_another_tenant_or_attempt_does_not_open(scope: Scope) -> None:
    place, head = Place(kind="frame"), Head(stream=0, sequence=0, codec=STORED, documents=1, raw_bytes=1)
    sealed = Sealer(KEY, scope).seal(place, head, b"x")
    with pytest.raises(VerificationError, match="not what was sealed there"):
        SEALER.open(place, head, sealed)


def test_wrong_key_does_not_open() -> None:
    with pytest.raises(VerificationError, match="not what was sealed there"):
        PackReader(Sealer(keys.new_data_key(), SCOPE), 3, pack(piece([doc("one")])))


def test_equal_frames_are_sealed_differently() -> None:
    assert pack(piece([doc("one")])) != pack(piece([doc("one")]))
