"""Lines of the demo."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator


@contextlib.contextmanager
def told(what: str, detail: str = "") -> Iterator[None]:
    """Print a line when the block has ended, with its seconds."""
    began = time.monotonic()
    yield
    print(f" ✓ {what:9} {detail:54} {time.monotonic() - began:6.1f} s", flush=True)
