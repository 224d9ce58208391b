"""Threads that hand pieces to each other, and documents cut into pieces."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drp.dataplane import writing
from drp.dataplane.flow import ByteQueue, StoppedError, run_flow
from drp.dataplane.frames import FRAME_BYTES, FRAME_DOCUMENTS
from drp.dataplane.packs import Piece
from drp.dataplane.tally import tally_documents
from drp.errors import RejectedError


def test_every_piece_arrives_once() -> None:
    queue: ByteQueue[int] = ByteQueue(limit=10)
    seen: list[int] = []

    def consume() -> None:
        while (item := queue.get()) is not None:
            seen.append(item)

    def produce(first: int) -> None:
        for number in range(first, first + 100):
            queue.put(number, 3)

    run_flow(queue, [lambda: produce(0), lambda: produce(100)], [consume] * 3)
    assert sorted(seen) == list(range(200))


def test_item_larger_than_the_limit_passes_alone() -> None:
    queue: ByteQueue[str] = ByteQueue(limit=10)
    queue.put("large", 99)
    assert queue.get() == "large"


@pytest.mark.parametrize("failing", ["producer", "consumer"])
def test_failure_of_one_ends_all_and_is_the_error_that_counts(failing: str) -> None:
    queue: ByteQueue[int] = ByteQueue(limit=10)

    def fail() -> None:
        raise RejectedError("cannot go on")

    def produce_for_ever() -> None:
        while True:
            queue.put(1, 5)

    def consume() -> None:
        while queue.get() is not None:
            pass

    producers = [produce_for_ever, fail] if failing == "producer" else [produce_for_ever]
    with pytest.raises(RejectedError, match="cannot go on"):
        run_flow(queue, producers, [consume, fail] if failing == "consumer" else [consume])


def test_stopped_queue_lets_nobody_wait() -> None:
    queue: ByteQueue[int] = ByteQueue(limit=1)
    queue.stop()
    with pytest.raises(StoppedError):
        queue.get()
    with pytest.raises(StoppedError):
        queue.put(1, 1)


def cut(batches: list[list[bytes]]) -> list[Piece]:
    pieces: list[Piece] = []
    cutter = writing.Cutter(4, pieces.append)
    for batch in batches:
        cutter.add(batch)
    cutter.flush()
    assert cutter.total == tally_documents([document for batch in batches for document in batch])
    return pieces


@given(st.lists(st.lists(st.binary(min_size=1, max_size=40), max_size=9), max_size=9))
def test_small_documents_make_one_piece_in_order(batches: list[list[bytes]]) -> None:
    pieces = cut(batches)
    assert b"".join(piece.raw for piece in pieces) == b"".join(d for batch in batches for d in batch)
    assert len(pieces) <= 1


@settings(max_examples=15)
@given(st.integers(0, 2**32), st.integers(1, 6))
def test_pieces_are_bounded_and_keep_order(seed: int, parts: int) -> None:
    rnd = random.Random(seed)
    sizes = [rnd.choice([1, 100, FRAME_BYTES // 3, FRAME_BYTES // 2, FRAME_BYTES]) for _ in range(8)]
    documents = [bytes([number]) * size for number, size in enumerate(sizes)]
    pieces = cut([documents[start::parts] for start in range(parts)])
    assert all(len(piece.raw) <= FRAME_BYTES for piece in pieces)
    assert [piece.sequence for piece in pieces] == list(range(len(pieces)))
    whole = b"".join(d for start in range(parts) for d in documents[start::parts])
    assert b"".join(piece.raw for piece in pieces) == whole


def test_document_larger_than_a_piece_goes_alone() -> None:
    large = bytes(FRAME_BYTES + 1)
    assert [piece.tally.documents for piece in cut([[b"a", large, b"b"]])] == [1, 1, 1]


def test_piece_never_has_more_documents_than_one_insert_takes() -> None:
    pieces = cut([[b"x"] * (FRAME_DOCUMENTS + 5)])
    assert [piece.tally.documents for piece in pieces] == [FRAME_DOCUMENTS, 5]
