"""The real process: what it prints and how it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.bench import Bench

ROOT = Path(__file__).parents[2]


def drp(*words: str, state: Path, config: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": "/usr/bin:/bin",
        "DRP_STATE": str(state),
        "PYTHONPATH": str(ROOT),
        "HOME": str(state),
    }
    return subprocess.run(
        [sys.executable, "-m", "drp", *words],
        env=environment, cwd=state, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_drp_alone_says_what_to_type(tmp_path: Path) -> None:
    """Bar 1."""
    done = drp(state=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) <= 24
    assert "drp migrate TENANT --to SITE" in done.stderr


def test_drp_alone_says_what_needs_you(tmp_path: Path) -> None:
    """Bar 1."""
    Bench(tmp_path).cut("after-effect:restore")
    done = drp(state=tmp_path)
    assert "✗ migrate-310304-7f3a is running or silent: drp status 7f3a, drp resume 7f3a" in done.stderr
    assert len(done.stderr.splitlines()) <= 24


def test_help_imports_no_provider(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from drp.cli.main import main\n"
        "code = main(['migrate', '--help'])\n"
        "heavy = {'docker', 'boto3', 'dns', 'pymongo', 'redis', 'cryptography', 'sqlite3', 'rich'}\n"
        "ours = [name for name in sys.modules if name.startswith('drp.providers')]\n"
        "print(code, sorted(heavy & set(sys.modules)), ours)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == "0 [] []"


def test_help_goes_to_stdout_and_is_no_failure(tmp_path: Path) -> None:
    done = drp("--help", state=tmp_path)
    assert done.returncode == 0
    assert "Usage: drp" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("words", [["--help"], ["migrate", "--help"], ["config", "schema"]])
def test_reader_that_went_away_is_no_failure(tmp_path: Path, words: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "drp", *words],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
        cwd=tmp_path,
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


def test_wrong_arguments_in_json(tmp_path: Path) -> None:
    done = drp("migrat", "acme", "--json", state=tmp_path)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["kind"] for line in lines] == ["hello", "error", "result"]
    assert (lines[-1]["status"], lines[-1]["exit_code"], done.returncode) == ("usage", 2, 2)
    assert done.stderr.splitlines() == [
        "✗ usage: cannot read 'drp migrat acme --json': no such command 'migrat' · exit 2"
    ]
