"""SIGKILL of a real process with its journal on disk; a few points here, all of them in ``make certify``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from drp.engine.sqlite_journal import SqliteJournal

FORWARD = ["before:c", "after-start:b", "after-effect:c", "after-end:d", "before-ended:*"]
BACK = ["after-effect:d", "before-turn:*", "undo-after-start:b", "undo-after-effect:c", "undo-after-end:a"]


def run(folder: Path, scenario: str, fault: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(Path(__file__).with_name("real_run.py")), str(folder), scenario],
        env={**os.environ, "DRP_FAULT": fault},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def blocks(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted((folder / "blocks").iterdir())}


@pytest.mark.parametrize(
    ("scenario", "fault"), [*(("forward", fault) for fault in FORWARD), *(("back", fault) for fault in BACK)]
)
def test_killed_process_is_resumed_to_the_same_world(tmp_path: Path, scenario: str, fault: str) -> None:
    killed = run(tmp_path, scenario, fault)
    assert killed.returncode == -signal.SIGKILL, killed.stderr

    resumed = run(tmp_path, scenario)

    wanted = {} if scenario == "back" else {name: f"laid by {name}\n" for name in "abcd"}
    assert resumed.stdout.strip() == ("rolled-back" if scenario == "back" else "done"), resumed.stderr
    assert blocks(tmp_path) == wanted
    size = len(SqliteJournal(tmp_path / "run.db").read())
    assert run(tmp_path, scenario).stdout == resumed.stdout
    assert len(SqliteJournal(tmp_path / "run.db").read()) == size


def test_process_killed_twice_at_the_same_point_still_gets_there(tmp_path: Path) -> None:
    for _ in range(2):
        assert run(tmp_path, "forward", "observe-after:d").returncode == -signal.SIGKILL

    assert run(tmp_path, "forward").stdout.strip() == "done"


def test_second_match_is_meant_when_the_variable_says_so(tmp_path: Path) -> None:
    run(tmp_path, "forward", "after-end:*#3")

    ended = [r.step for r in SqliteJournal(tmp_path / "run.db").read() if r.kind == "done"]
    assert len(ended) == 3
