"""Ends the laboratory that `make lab-up` keeps, and removes what dead testers left.

A laboratory whose tester lives is that tester's and is left alone; ``--all`` ends those too.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time

from tests.lab import remains
from tests.lab.state import State, load_states

_PATIENCE = 60.0


def end_lab(state: State) -> None:
    """End it in order when somebody keeps it, then remove whatever there is still."""
    if state.kept and state.is_owned():
        os.kill(state.owner, signal.SIGTERM)
        deadline = time.monotonic() + _PATIENCE
        while state.is_owned() and time.monotonic() < deadline:
            time.sleep(0.05)
    remains.sweep(state.lab_id, state.root)
    state.file.unlink(missing_ok=True)


def main() -> None:
    everything = "--all" in sys.argv[1:]
    for state in load_states():
        if everything or state.kept or not state.is_owned():
            with contextlib.suppress(ProcessLookupError):
                end_lab(state)
            print(f"lab {state.lab_id} is down")


if __name__ == "__main__":
    main()
