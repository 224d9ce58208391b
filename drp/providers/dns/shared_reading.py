"""One reading for all who ask at the same time, where every call counts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

V = TypeVar("V")


@dataclass(slots=True)
class _Round(Generic[V]):
    keys: set[str] = field(default_factory=set)
    ended: threading.Event = field(default_factory=threading.Event)
    found: Mapping[str, V] = field(default_factory=dict)
    error: BaseException | None = None


class SharedReading(Generic[V]):
    """Who asks while a reading is under way waits for the next one, which answers all who wait.

    So nobody is given what was read before he asked.
    """

    def __init__(self, read: Callable[[frozenset[str]], Mapping[str, V]]) -> None:
        self._read = read
        self._next: _Round[V] | None = None
        self._lock = threading.Lock()
        self._reading = threading.Lock()

    def ask(self, keys: Iterable[str]) -> Mapping[str, V]:
        """What the reading gives for these keys, perhaps for others too. Raises what it raises."""
        with self._lock:
            leads = self._next is None
            mine = self._next = self._next or _Round()
            mine.keys.update(keys)
        if leads:
            self._lead(mine)
        mine.ended.wait()
        if mine.error is not None:
            raise mine.error
        return mine.found

    def _lead(self, mine: _Round[V]) -> None:
        with self._reading:
            with self._lock:
                self._next = None
            try:
                mine.found = self._read(frozenset(mine.keys))
            except BaseException as error:  # those who wait must hear of any
                mine.error = error
            finally:
                mine.ended.set()
