"""Where a process keeps its runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def state_folder(given: Path | None, environment: Mapping[str, str]) -> Path:
    """``--state``, else DRP_STATE, else ``drp`` in the user's folder of state."""
    if given is not None or environment.get("DRP_STATE"):
        return given or Path(environment["DRP_STATE"])
    base = environment.get("XDG_STATE_HOME") or Path(environment.get("HOME", "/")) / ".local/state"
    return Path(base) / "drp"
