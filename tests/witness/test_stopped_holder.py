"""A real process is stopped for longer than its lease lasts, and wakes up when another has gone on."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from drp.commands.journals import read_copy, read_local
from tests.witness.folder_store import FolderObjects
from tests.witness.holding import TERM, hold_and_run

pytestmark = pytest.mark.servers


@pytest.fixture
def stopped(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """The first holder, stopped while it looks whether its fourth block is there."""
    (tmp_path / "blocks").mkdir()
    words = [sys.executable, "-m", "tests.witness.holding", str(tmp_path), "first"]
    root = Path(__file__).parents[2]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=root)
    while not (tmp_path / "blocks" / "first.looks").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGSTOP)
    yield process
    process.kill()
    process.wait()


@pytest.mark.failure_mode("B7")
def test_stopped_holder_changes_nothing_when_it_wakes_up(
    tmp_path: Path, stopped: subprocess.Popen[str]
) -> None:
    began = time.monotonic()
    assert hold_and_run(tmp_path, "second") == "done"
    time.sleep(max(0.0, 2 * TERM.total_seconds() - (time.monotonic() - began)))
    blocks = {path.name: path.read_text() for path in (tmp_path / "blocks").glob("b*")}
    stopped.send_signal(signal.SIGCONT)
    said, _ = stopped.communicate(timeout=60)

    assert said.strip() == "unknown"
    assert {path.name: path.read_text() for path in (tmp_path / "blocks").glob("b*")} == blocks
    assert [blocks[f"b{number}"] for number in range(7)] == ["first\n"] * 3 + ["second\n"] * 4
    # the run's memory is the second's, whatever the first wrote after its lease had gone
    copy = read_copy(FolderObjects(tmp_path / "witness"), "run-1")
    assert copy == read_local(tmp_path / "second" / "run-1.journal")
    assert copy[-1].kind == "ended"
