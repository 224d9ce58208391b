"""How long a server keeps the past readable; more of it costs writers, so it is lent and given back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from drp.dataplane.mongodb.server import CommandError, Server, read

_PARAMETER = "minSnapshotHistoryWindowInSeconds"
_FACTOR = 6
_LIMIT_S = 3600


@contextmanager
def widened_window(server: Server) -> Iterator[int | None]:
    """Six times the window, an hour at most, while inside; it must be widened before the time to read at.

    Gives the seconds, or None where the server does not let us.
    """
    try:
        told = read(server.command("admin", {"getParameter": 1, _PARAMETER: 1}))
        before = int(told[_PARAMETER])
        wide = max(before, min(before * _FACTOR, _LIMIT_S))
        _set(server, wide)
    except CommandError:
        yield None
        return
    try:
        yield wide
    finally:
        _set(server, before)


def _set(server: Server, seconds: int) -> None:
    server.command("admin", {"setParameter": 1, _PARAMETER: seconds})
