"""An engine that never answers: nobody waits for it longer than once."""

from __future__ import annotations

import contextlib
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from drp.errors import UnreachableError
from drp.providers.docker.engine import Engine, Patience


def test_of_many_that_ask_a_dead_engine_at_once_one_waits_for_it(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "engine.sock"))
        dead.listen(16)
        engine = Engine("h1", f"unix://{tmp_path}/engine.sock", patience=Patience(look=0.5))
        start = threading.Barrier(8)

        def ask() -> str:
            start.wait()
            with pytest.raises(UnreachableError) as caught:
                _ = engine.version
            return caught.value.message

        with ThreadPoolExecutor(8) as pool:
            said = [each.result() for each in [pool.submit(ask) for _ in range(8)]]
        assert len(set(said)) == 1
        dead.setblocking(False)
        assert count_waiting(dead) == 1


def count_waiting(server: socket.socket) -> int:
    """Connections that nobody has accepted."""
    found = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            server.accept()[0].close()
            found += 1
    return found
