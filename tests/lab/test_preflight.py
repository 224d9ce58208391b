"""What is missing is said in one line, before anything is tried."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.preflight import find_obstacles
from tests.lab.state import CHECKOUT

_SUITE = """
import pytest
from tests.conftest import pytest_runtest_setup

@pytest.mark.lab
def test_needs_a_lab():
    pass
"""


def run_preflight(*before: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return run(*before, sys.executable, "-m", "tests.lab.preflight", env=env)


def run(*words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    whole = {**os.environ, **(env or {})}
    return subprocess.run(words, cwd=CHECKOUT, env=whole, capture_output=True, text=True, check=False)


def test_nothing_is_said_where_a_lab_can_start() -> None:
    done = run_preflight()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert find_obstacles() == ()


@pytest.mark.parametrize(
    ("before", "missing"),
    [
        (["setpriv", "--bounding-set=-sys_admin"], "new namespaces"),
        (["setpriv", "--bounding-set=-net_admin"], "bridges"),
    ],
)
def test_a_locked_down_place_is_named_in_one_line(before: list[str], missing: str) -> None:
    done = run_preflight(*before)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("cannot start a laboratory here: missing ")
    assert missing in done.stderr


def test_who_is_not_root_is_told_so() -> None:
    # with the right to read everything: the checkout may be closed to others
    rights = "+dac_override,+dac_read_search"
    done = run_preflight("setpriv", "--reuid=65534", f"--inh-caps={rights}", f"--ambient-caps={rights}")
    assert done.returncode == 1
    assert done.stderr.startswith("cannot start a laboratory here: missing root")


def test_a_chroot_is_named(tmp_path: Path) -> None:
    script = f"mount --make-rprivate / && mount --rbind / {tmp_path} && cd / && exec chroot {tmp_path} " + (
        f"sh -c 'cd {CHECKOUT} && exec {sys.executable} -m tests.lab.preflight'"
    )
    done = run("unshare", "--mount", "sh", "-c", script)
    assert done.returncode == 1
    assert "chroot" in done.stderr


def test_a_wrong_mongod_is_named() -> None:
    done = run_preflight(env={"DRP_LAB_MONGOD": "/does/not/exist"})
    assert done.returncode == 1
    assert "'/does/not/exist'" in done.stderr


@pytest.mark.parametrize(("ci", "word"), [("", "1 skipped"), ("true", "1 error")])
def test_lab_tests_are_left_out_where_none_can_start_but_never_in_ci(
    tmp_path: Path, ci: str, word: str
) -> None:
    (tmp_path / "test_it.py").write_text(_SUITE)
    (tmp_path / "conftest.py").write_text("from tests.conftest import pytest_runtest_setup\n")
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        str(CHECKOUT / "pyproject.toml"),
    ]
    inside = [f"--rootdir={tmp_path}", str(tmp_path)]
    done = run("setpriv", "--bounding-set=-sys_admin", *words, *inside, env={"CI": ci})
    assert word in done.stdout
    assert "new namespaces" in done.stdout
