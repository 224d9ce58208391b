"""Real servers on loopback for provider tests: found or reported missing, started, waited for, ended."""

from __future__ import annotations

import operator
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

import pytest
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

ROOT = Path(__file__).parents[2]
PATIENCE_S = 30.0
PAUSE_S = 0.02


def missing(program: str) -> NoReturn:
    """Skip with the reason; in continuous integration fail."""
    reason = f"no {program} on this machine: run `make setup`"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    """A TCP port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(argv: Sequence[str | Path], *, port: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The server while it runs; it is given out once it listens, and killed at the end."""
    with log.open("ab") as output:
        process = subprocess.Popen([str(word) for word in argv], stdout=output, stderr=output)
    try:
        wait_listening(process, port=port, log=log)
        yield process
    finally:
        process.kill()
        process.wait()


def wait_listening(
    process: subprocess.Popen[bytes], *, port: int, log: Path, address: str = "127.0.0.1"
) -> None:
    """Raises AssertionError with the log when the server ends or does not listen in time."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection((address, port), timeout=1).close()
        except OSError:
            with suppress(subprocess.TimeoutExpired):
                process.wait(PAUSE_S)
        else:
            return
    raise AssertionError(f"nothing listens on {port}:\n{log.read_text()}")


def wait_until(fact: Callable[[], object]) -> None:
    """Return as soon as ``fact`` gives something true. Raises AssertionError when it does not in time."""
    asking = Retrying(
        retry=retry_if_result(operator.not_), stop=stop_after_delay(PATIENCE_S), wait=wait_fixed(PAUSE_S)
    )
    try:
        asking(fact)
    except RetryError as error:
        raise AssertionError("it never came true") from error
