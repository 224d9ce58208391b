from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drp.errors import ConflictError, RejectedError, UnreachableError
from drp.testing.objects import FakeObjects
from drp.witness.journal_copy import (
    BATCH,
    BEHIND_S,
    Comparison,
    CopiedRecord,
    JournalCopy,
    JournalCopyReader,
    compare,
)

RUN = "migrate-310304-7f3a"


def build_records(first: int, last: int, *, mark: str = "") -> list[CopiedRecord]:
    return [CopiedRecord(seq, f'{{"seq":{seq}{mark}}}'.encode()) for seq in range(first, last + 1)]


@pytest.fixture
def store() -> FakeObjects:
    return FakeObjects()


@pytest.fixture
def copy(store: FakeObjects) -> JournalCopy:
    return JournalCopy(store, RUN)


def test_flush_puts_all_that_was_added(copy: JournalCopy, store: FakeObjects) -> None:
    copy.add(build_records(1, 3))
    assert (copy.behind(), copy.head(RUN)) == (3, None)

    copy.flush()

    assert copy.behind() == 0
    assert store.list("") == [f"journals/{RUN}/000000/00000001-00000003.jsonl"]
    assert JournalCopyReader(store).load(RUN) == build_records(1, 3)
    assert copy.head(RUN) == build_records(3, 3)[0]
    assert copy.runs() == (RUN,)


def test_flush_with_nothing_to_do_puts_nothing(copy: JournalCopy, store: FakeObjects) -> None:
    copy.flush()

    assert store.calls == []


def test_batches_are_bounded(copy: JournalCopy, store: FakeObjects) -> None:
    copy.add(build_records(1, 2 * BATCH + 5))
    copy.flush()

    assert [key.rsplit("/")[-1] for key in store.list("")] == [
        "00000001-00000200.jsonl",
        "00000201-00000400.jsonl",
        "00000401-00000405.jsonl",
    ]
    assert copy.load(RUN) == build_records(1, 2 * BATCH + 5)


def test_any_byte_but_the_line_feed_comes_back(copy: JournalCopy) -> None:
    records = [CopiedRecord(1, b"a\rb\x0bc\x85\xff\x00"), CopiedRecord(2, b"")]
    copy.add(records)
    copy.flush()

    assert copy.load(RUN) == records


def test_a_silent_witness_makes_flush_fail_and_nothing_is_lost(copy: JournalCopy, store: FakeObjects) -> None:
    copy.add(build_records(1, 2))
    store.down = True
    with pytest.raises(UnreachableError):
        copy.flush()
    assert copy.behind() == 2

    store.down = False
    copy.add(build_records(3, 4))
    copy.flush()
    assert copy.load(RUN) == build_records(1, 4)


def test_a_put_whose_answer_got_lost_is_not_put_twice(copy: JournalCopy, store: FakeObjects) -> None:
    copy.add(build_records(1, 2))
    store.fail_next("put_once", UnreachableError("no answer"), after_effect=True)
    store.fail_next("find", UnreachableError("no answer"))
    with pytest.raises(UnreachableError):
        copy.flush()

    copy.add(build_records(3, 3))
    copy.flush()
    assert [key.rsplit("/")[-1] for key in store.list("")] == [
        "00000001-00000002.jsonl",
        "00000003-00000003.jsonl",
    ]


def test_another_process_that_went_on_with_the_run_is_noticed(copy: JournalCopy, store: FakeObjects) -> None:
    other = JournalCopy(FakeObjects(store.content), RUN)
    other.add(build_records(1, 2, mark=',"by":"other"'))
    other.flush()

    copy.add(build_records(1, 2))
    with pytest.raises(ConflictError, match="holds other records"):
        copy.flush()


def test_batches_that_overlap_and_agree_are_one_journal(copy: JournalCopy, store: FakeObjects) -> None:
    for first, last in ((1, 3), (2, 5), (4, 4), (6, 6)):
        writer = JournalCopy(store, RUN)
        writer.add(build_records(first, last))
        writer.flush()

    assert copy.load(RUN) == build_records(1, 6)
    head = copy.head(RUN)
    assert head is not None
    assert head.seq == 6


def test_a_fork_is_an_error(copy: JournalCopy, store: FakeObjects) -> None:
    for records in (build_records(1, 3), build_records(3, 4, mark=',"by":"other"')):
        writer = JournalCopy(store, RUN)
        writer.add(records)
        writer.flush()

    with pytest.raises(RejectedError, match="record 3 has another version"):
        copy.load(RUN)


def test_what_a_former_holder_wrote_when_it_was_none_any_more_is_void(store: FakeObjects) -> None:
    """The first holder is stopped at record 3, the second goes on from there, the first wakes up."""
    first, second = JournalCopy(store, RUN, lease=lambda: 4), JournalCopy(store, RUN, lease=lambda: 5)
    first.add(build_records(1, 3))
    first.flush()
    second.add(build_records(4, 4, mark=',"by":"second"'))
    second.flush()
    first.add(build_records(4, 9))
    first.flush()

    wanted = [*build_records(1, 3), *build_records(4, 4, mark=',"by":"second"')]
    assert second.load(RUN) == wanted
    assert second.head(RUN) == wanted[-1]


def test_a_gap_is_an_error(copy: JournalCopy, store: FakeObjects) -> None:
    for first, last in ((1, 2), (4, 5)):
        writer = JournalCopy(store, RUN)
        writer.add(build_records(first, last))
        writer.flush()

    with pytest.raises(RejectedError, match="records before 4 are missing"):
        copy.load(RUN)


@pytest.mark.parametrize("content", [b"", b"{}", b"{}\n", b"{}\n{}", b"{}\n{}\n{}\n"])
def test_a_batch_that_is_not_what_its_name_says_is_an_error(
    copy: JournalCopy, store: FakeObjects, content: bytes
) -> None:
    store.put_once(f"journals/{RUN}/000000/00000001-00000002.jsonl", content)

    with pytest.raises(RejectedError, match="whole records, not those of its name"):
        copy.load(RUN)


def test_a_foreign_object_is_named(copy: JournalCopy, store: FakeObjects) -> None:
    store.put_once(f"journals/{RUN}/notes.txt", b"hello")

    with pytest.raises(RejectedError, match=r"notes\.txt"):
        copy.head(RUN)


def test_runs_are_apart(copy: JournalCopy, store: FakeObjects) -> None:
    other = JournalCopy(store, f"{RUN}-x")
    other.add(build_records(1, 1))
    other.flush()

    assert copy.load(RUN) == []
    assert copy.head(RUN) is None


class SignallingObjects(FakeObjects):
    def __init__(self) -> None:
        super().__init__()
        self.came = threading.Event()

    def put_once(self, key: str, content: bytes) -> None:
        super().put_once(key, content)
        self.came.set()


def test_the_thread_copies_without_being_asked() -> None:
    store = SignallingObjects()
    copy = JournalCopy(store, RUN)
    copy.start()
    copy.add(build_records(1, 1))

    assert store.came.wait(timeout=30)
    copy.add(build_records(2, 3))
    copy.stop()
    assert copy.load(RUN) == build_records(1, 3)


def test_two_hundred_records_do_not_wait_for_the_second_to_pass() -> None:
    store = SignallingObjects()
    copy = JournalCopy(store, RUN, behind_s=3600)
    copy.start()
    copy.add(build_records(1, BATCH - 1))
    assert (BATCH, BEHIND_S, store.content) == (200, 1.0, {})
    copy.add(build_records(BATCH, BATCH))
    assert store.came.wait(timeout=30)
    copy.stop()
    assert copy.load(RUN) == build_records(1, BATCH)


def test_the_thread_goes_on_after_a_failure_and_tells_meanwhile() -> None:
    store = SignallingObjects()
    failure = UnreachableError("cannot reach store")
    store.fail_next("find", failure)
    store.fail_next("put_once", failure)
    copy = JournalCopy(store, RUN)
    copy.add(build_records(1, BATCH))
    copy.start()

    assert store.came.wait(timeout=30)
    copy.stop()
    assert copy.behind() == 0
    assert store.calls.count("put_once") == 2


def test_stop_tells_when_the_end_did_not_arrive(copy: JournalCopy, store: FakeObjects) -> None:
    copy.add(build_records(1, 1))
    store.down = True
    copy.start()

    with pytest.raises(UnreachableError):
        copy.stop()


def test_many_writers_of_one_journal_put_each_record_once(store: FakeObjects) -> None:
    copy = JournalCopy(store, RUN)
    copy.add(build_records(1, 50 * BATCH))
    threads = [threading.Thread(target=copy.flush) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(store.content) == 50
    assert copy.load(RUN) == build_records(1, 50 * BATCH)


@given(st.integers(0, 9), st.integers(0, 9))
def test_compare_says_who_has_more(local: int, copied: int) -> None:
    found = compare(build_records(1, local), build_records(1, copied))

    if local == copied:
        assert found == Comparison("equal")
    elif local > copied:
        assert found == Comparison("ahead", copied + 1)
    else:
        assert found == Comparison("short", local + 1)


@given(st.integers(1, 9), st.integers(1, 9), st.data())
def test_compare_finds_the_first_difference(local: int, copied: int, data: st.DataObject) -> None:
    at = data.draw(st.integers(1, min(local, copied)))
    changed = build_records(1, at - 1) + build_records(at, copied, mark=',"x":1')

    assert compare(build_records(1, local), changed) == Comparison("different", at)


def test_a_copy_that_lost_its_first_batch_differs() -> None:
    assert compare(build_records(1, 5), build_records(3, 5)) == Comparison("different", 1)
