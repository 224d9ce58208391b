"""Reading an attached stream to its end, or to a deadline; never taking cut output for the whole.

The format is the engine's: frames of an 8 byte head (stream number, 3 zero bytes, length big-endian)
and a body; 1 is standard output, 2 standard error.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Final, NamedTuple

from drp.errors import DeadlineError
from drp.model.values import render_duration
from drp.providers.docker.faults import FOREIGN
from drp.providers.docker.sockets import EngineConnection

STDOUT: Final = 1
STDERR: Final = 2
_HEAD: Final = struct.Struct(">BxxxL")
_CHUNK: Final = 65536


class Deadline:
    """A moment on the monotonic clock, and what has to be done by then: ``run 'x' on host 'y'``."""

    def __init__(self, duration: timedelta, doing: str) -> None:
        self._duration = duration
        self._doing = doing
        self._end = time.monotonic() + duration.total_seconds()

    def require(self, most: float) -> float:
        """Seconds left, at most ``most``. Raises DeadlineError when there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise DeadlineError(f"cannot {self._doing}: no end within {render_duration(self._duration)}")
        return min(left, most)


class Frame(NamedTuple):
    """A piece of output; ``stream`` is STDOUT or STDERR."""

    stream: int
    data: bytes


class Stream:
    """An attached stream. ``idle``: seconds of silence after which ``is_alive`` is asked.

    ``is_alive`` raises when the other side no longer answers, and says False when nothing more can come.
    """

    def __init__(
        self, connection: EngineConnection, deadline: Deadline, *, idle: float, is_alive: Callable[[], bool]
    ) -> None:
        self._connection = connection
        self._deadline = deadline
        self._idle = idle
        self._is_alive = is_alive
        self._waiting = bytearray()

    def send(self, data: bytes) -> None:
        """Send all. Raises TimeoutError when the other side takes nothing for ``idle`` seconds."""
        view = memoryview(data)
        while view:
            self._connection.sock.settimeout(self._deadline.require(self._idle))
            view = view[self._connection.sock.send(view[:_CHUNK]) :]

    def frames(self) -> Iterator[Frame]:
        """All frames to the end. Raises DeadlineError, ConnectionError (cut), OSError."""
        while head := self._take(_HEAD.size):
            number, length = _HEAD.unpack(head)
            data = self._take(length)
            if len(data) < length:
                raise ConnectionError("the output was cut")
            yield Frame(number, data)

    def close(self) -> None:
        self._connection.close()

    def _take(self, size: int) -> bytes:
        """Exactly ``size`` bytes; nothing at the end of the stream."""
        while len(self._waiting) < size:
            data = self._receive()
            if not data and self._waiting:
                raise ConnectionError("the output was cut")
            if not data:
                return b""
            self._waiting += data
        taken = bytes(self._waiting[:size])
        del self._waiting[:size]
        return taken

    def _receive(self) -> bytes:
        ended = False
        while True:
            self._connection.sock.settimeout(self._deadline.require(self._idle))
            try:
                return bytes(self._connection.sock.recv(_CHUNK))
            except TimeoutError:
                self._deadline.require(self._idle)
                if ended:
                    raise ConnectionError("it has ended, its output has not") from None
                # a busy engine may close the stream a moment after what it came from
                ended = not self._ask_alive()

    def _ask_alive(self) -> bool:
        try:
            return self._is_alive()
        except FOREIGN:
            self._deadline.require(self._idle)
            raise


def iter_lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Pieces of any size -> lines without their ends; an unfinished last line counts."""
    waiting: list[bytes] = []
    for piece in pieces:
        first, end, rest = piece.partition(b"\n")
        waiting.append(first)
        if end:
            yield b"".join(waiting)
            *lines, last = rest.split(b"\n")
            yield from lines
            waiting = [last]
    if any(waiting):
        yield b"".join(waiting)
