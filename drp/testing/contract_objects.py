"""What every object store must do. Subclass in a test module and say how a store is made."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from drp.errors import ConflictError, DeniedError, NotFoundError, UnreachableError
from drp.ports.objects import ObjectStore

PAGE = 3
"""Real stores are made with this page size, so that listings have several pages."""


class ObjectsContract:
    """Each test gets an empty store of its own."""

    def make_store(self) -> ObjectStore:
        """An empty store."""
        raise NotImplementedError

    def make_denied(self) -> ObjectStore:
        """The same kind of store, seen by an identity without any right."""
        raise NotImplementedError

    def make_unreachable(self) -> ObjectStore:
        """A store that does not answer."""
        raise NotImplementedError

    @pytest.fixture
    def store(self) -> ObjectStore:
        return self.make_store()

    @pytest.mark.parametrize("content", [b"", b"x", bytes(range(256)) * 1000])
    def test_what_was_put_is_read_back(self, store: ObjectStore, content: bytes) -> None:
        store.put_once("leases/acme/1", content)
        assert store.get("leases/acme/1") == content
        assert store.find("leases/acme/1") == content

    @pytest.mark.parametrize("key", ["a b", "ä/ö", "a+b=c&d", "run:1", "x" * 200])
    def test_keys_are_taken_literally(self, store: ObjectStore, key: str) -> None:
        store.put_once(key, b"1")
        assert store.list("") == [key]
        assert store.get(key) == b"1"

    def test_a_missing_object_is_told_apart(self, store: ObjectStore) -> None:
        assert store.find("nothing") is None
        with pytest.raises(NotFoundError, match=r"cannot read object '.*nothing': it does not exist"):
            store.get("nothing")

    def test_nothing_is_overwritten(self, store: ObjectStore) -> None:
        store.put_once("epoch", b"7")
        with pytest.raises(ConflictError, match=r"cannot create object '.*epoch'"):
            store.put_once("epoch", b"8")
        with pytest.raises(ConflictError):
            store.put_once("epoch", b"7")
        assert store.get("epoch") == b"7"

    def test_an_empty_object_is_not_overwritten_either(self, store: ObjectStore) -> None:
        store.put_once("epoch", b"")
        with pytest.raises(ConflictError):
            store.put_once("epoch", b"")

    def test_of_many_writers_one_wins(self, store: ObjectStore) -> None:
        def put(mark: int) -> int | None:
            try:
                store.put_once("race", str(mark).encode())
            except ConflictError:
                return None
            return mark

        with ThreadPoolExecutor(8) as pool:
            winners = [mark for mark in pool.map(put, range(16)) if mark is not None]
        assert len(winners) == 1
        assert store.get("race") == str(winners[0]).encode()

    def test_the_list_is_complete_and_sorted(self, store: ObjectStore) -> None:
        keys = [f"runs/{number:03d}" for number in range(2 * PAGE + 1)]
        for key in reversed(keys):
            store.put_once(key, b"1")
        store.put_once("run", b"1")
        store.put_once("runs-old/1", b"1")
        assert store.list("runs/") == keys
        assert store.list("run") == ["run", "runs-old/1", *keys]
        assert store.list("nothing") == []

    def test_a_deleted_object_is_gone(self, store: ObjectStore) -> None:
        store.put_once("a", b"1")
        store.delete("a")
        assert store.find("a") is None
        assert store.list("") == []

    def test_deleting_what_is_not_there_is_no_error(self, store: ObjectStore) -> None:
        store.delete("a")
        store.put_once("a", b"1")
        store.delete("a")
        store.delete("a")

    def test_without_rights_nothing_is_told(self) -> None:
        denied = self.make_denied()
        with pytest.raises(DeniedError):
            denied.get("a")
        with pytest.raises(DeniedError):
            denied.find("a")
        with pytest.raises(DeniedError):
            denied.list("")
        with pytest.raises(DeniedError):
            denied.put_once("a", b"1")
        with pytest.raises(DeniedError):
            denied.delete("a")

    def test_no_answer_is_no_missing_object(self) -> None:
        gone = self.make_unreachable()
        with pytest.raises(UnreachableError) as caught:
            gone.find("a")
        assert caught.value.transient
        with pytest.raises(UnreachableError):
            gone.list("")
        with pytest.raises(UnreachableError):
            gone.put_once("a", b"1")
