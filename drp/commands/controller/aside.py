"""Work beside the controller's loop: a drill may take an hour, and backups must not wait for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from drp.commands.stopping import Departure, Stoppable

Work = Callable[[], str]
"""Does it; what came of it, in words. Raises DrpError."""


class Start(Protocol):
    """Has something done, now or in a thread of its own; gives what waits until it has ended."""

    def __call__(self, do: Callable[[], None]) -> Callable[[], None]: ...


def start_thread(do: Callable[[], None]) -> Callable[[], None]:
    thread = threading.Thread(target=do, daemon=True, name="aside")
    thread.start()
    return thread.join


def start_at_once(do: Callable[[], None]) -> Callable[[], None]:
    """It has ended when this returns."""
    do()
    return lambda: None


class Aside:
    """One piece of work at a time; ``start`` says where it is done."""

    def __init__(self, start: Start = start_thread) -> None:
        self._start = start
        self._lock = threading.Lock()
        self._run: Stoppable | None = None
        self._departure = Departure()
        self._is_stopping = False
        self._is_busy = False
        self._outcome: str | Exception = ""
        self._wait: Callable[[], None] = lambda: None

    @property
    def is_busy(self) -> bool:
        return self._is_busy

    def begin(self, work: Work) -> None:
        """Only when it is not busy."""
        self._is_busy = True
        self._wait = self._start(lambda: self._do(work))

    def collect(self) -> str:
        """What came of the last one, once; "" for nothing. Raises what it raised."""
        outcome, self._outcome = self._outcome, ""
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    @contextmanager
    def listen(self, run: Stoppable) -> Iterator[Departure]:
        """In place of a desk's ``stops``: the controller's own end reaches the run."""
        with self._lock:
            self._run, self._departure = run, Departure()
            if self._is_stopping:
                run.cancel()
        try:
            yield self._departure
        finally:
            with self._lock:
                self._run = None

    def cancel(self) -> None:
        """Stop at the next safe point, also what begins later."""
        self._is_stopping = True
        # from a signal handler: the lock may be held by the thread that it has interrupted
        self.stop_this()

    def leave(self) -> None:
        """Return at once, whatever is in flight."""
        self._is_stopping = True
        run = self._run
        if run is not None:
            self._departure.has_left = True
            run.leave()

    def stop_this(self) -> None:
        """Only what is going on now, at its next safe point."""
        run = self._run
        if run is not None:
            run.cancel()

    def wait(self) -> None:
        """Until it has ended."""
        self._wait()

    def _do(self, work: Work) -> None:
        try:
            self._outcome = work()
        except Exception as error:  # raised again by whoever collects it
            self._outcome = error
        finally:
            self._is_busy = False
