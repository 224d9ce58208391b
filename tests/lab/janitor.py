"""Waits for the end of a tester, however it ends, and removes what its laboratory leaves.

Namespaces go with the tester by themselves; control groups and files do not.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.lab import remains
from tests.lab.machine import MARK
from tests.lab.state import CHECKOUT, State


class Janitor:
    """The waiting process, seen from the tester."""

    def __init__(self, state: State) -> None:
        words = [sys.executable, "-m", "tests.lab.janitor", state.lab_id, str(state.root), str(state.file)]
        self._process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            # whoever reads our output must not wait for the janitor
            stdout=subprocess.DEVNULL,
            cwd=CHECKOUT,
            env={k: v for k, v in os.environ.items() if k != MARK},
            start_new_session=True,
        )

    def finish(self) -> None:
        """Let it clean up now, and wait for it. Raises CalledProcessError when something stays."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        code = self._process.wait()
        if code:
            raise subprocess.CalledProcessError(code, "tests.lab.janitor")


def main() -> None:
    """Arguments: id of the lab, its root, its state file. Ends when standard input does."""
    lab_id, root, file = sys.argv[1:]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    remains.sweep(lab_id, Path(root))
    with contextlib.suppress(FileNotFoundError):
        Path(file).unlink()


if __name__ == "__main__":
    main()
