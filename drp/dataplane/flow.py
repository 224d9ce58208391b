"""Threads that hand each other pieces of data, bounded by bytes, and end together."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from threading import Condition
from typing import Generic, TypeVar

T = TypeVar("T")
QUEUE_BYTES = 48 * 2**20


class StoppedError(Exception):
    """Another thread of the flow has failed; its error is the one that counts."""


class ByteQueue(Generic[T]):
    """A queue that holds at most ``limit`` bytes, or one item of any size."""

    def __init__(self, limit: int = QUEUE_BYTES) -> None:
        self._limit = limit
        self._items: deque[tuple[T, int]] = deque()
        self._held = 0
        self._closed = False
        self._stopped = False
        self._changed = Condition()

    def put(self, item: T, size: int) -> None:
        """Waits for room. Raises StoppedError."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._stopped or not self._held or self._held + size <= self._limit
            )
            self._check()
            self._items.append((item, size))
            self._held += size
            self._changed.notify_all()

    def get(self) -> T | None:
        """The next item, or None after the last one. Raises StoppedError."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._closed or bool(self._items))
            self._check()
            if not self._items:
                return None
            item, size = self._items.popleft()
            self._held -= size
            self._changed.notify_all()
            return item

    def close(self) -> None:
        """No more items will come."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def stop(self) -> None:
        """Everybody at this queue shall end."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _check(self) -> None:
        if self._stopped:
            raise StoppedError


def run_flow(
    queue: ByteQueue[T], producers: Sequence[Callable[[], None]], consumers: Sequence[Callable[[], None]]
) -> None:
    """Runs all in threads; the queue closes when the producers are done. Raises the first real error."""
    with ThreadPoolExecutor(len(producers) + len(consumers)) as pool:
        consuming = [pool.submit(task) for task in consumers]
        producing = [pool.submit(task) for task in producers]
        pending = {*consuming, *producing}
        while pending:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            if any(future.exception() for future in done):
                queue.stop()
                break
            if all(future.done() for future in producing):
                queue.close()
    errors = [error for future in (*producing, *consuming) if (error := future.exception())]
    real = [error for error in errors if not isinstance(error, StoppedError)]
    if real:
        raise real[0]
