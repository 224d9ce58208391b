"""What ``drp`` alone says of this machine's own runs; it asks nobody else."""

from __future__ import annotations

from pathlib import Path

from drp.commands.journals import read_local
from drp.commands.runs import StateFolder, tail_of
from drp.engine.fold import fold
from drp.engine.runner import FINISHED
from drp.errors import DrpError

_SHOWN = 5


def render_open_runs(state: Path) -> list[str]:
    """A line for each run here that has not ended well or been taken back, the newest first."""
    folder = StateFolder(state)
    lines = [line for run in reversed(folder.runs()) if (line := _line(folder, run))]
    rest = len(lines) - _SHOWN
    return [*lines[:_SHOWN], *([f"  +{rest}: drp status"] if rest > 0 else [])]


def _line(folder: StateFolder, run: str) -> str:
    try:
        records = read_local(folder.journal(run))
        ended = fold(records).ended if records else "unknown"
    except DrpError as error:
        return f"? {run}: {error.message}"
    if ended in FINISHED:
        return ""
    return f"✗ {run} is {ended or 'running or silent'}: drp status {tail_of(run)}, drp resume {tail_of(run)}"
