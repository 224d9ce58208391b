"""Nothing of a laboratory stays on the machine, however it ends."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab import remains
from tests.lab.lab import Lab
from tests.lab.state import CHECKOUT, State, find_start, load_states

_MACHINES = 13  # and each has three namespaces of its own

# a tester that has a container running and dies of nothing
_TESTER = """
import sys
from tests.lab.lab import Lab
lab = Lab.up()
host = next(iter(lab.hosts.values()))
host.load(lab.images["edge"])
host.open_client().containers.run(lab.images["edge"].id, ["sleep", "1000"], detach=True, network_mode="none")
print(lab.state.lab_id, flush=True)
sys.stdin.read()
"""


_KINDS = ("net", "mnt", "pid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What could be seen of a laboratory while it was up, and when that was (clock ticks since boot)."""

    state: State
    namespaces: frozenset[str]
    janitor: int
    ticks: int


def look_at(lab_id: str) -> Sight:
    """Look at a running laboratory. It must show something, or nothing could be missed later."""
    [state] = [state for state in load_states() if state.lab_id == lab_id]
    assert state.root.exists()
    namespaces = {name for pid in remains.iter_processes(lab_id) for name in find_namespaces(pid)}
    namespaces -= find_namespaces(os.getpid())
    assert len(namespaces) >= len(_KINDS) * _MACHINES
    ticks = int(time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK"))
    return Sight(state=state, namespaces=frozenset(namespaces), janitor=find_janitor(lab_id), ticks=ticks)


def find_namespaces(pid: int) -> set[str]:
    try:
        return {str(Path(f"/proc/{pid}/ns/{kind}").readlink()) for kind in _KINDS}
    except OSError:
        return set()  # it has ended


def find_holders(sight: Sight) -> list[int]:
    """Processes in namespaces of the laboratory. The kernel gives the numbers of namespaces that are
    gone to new ones, so a process that began later is in another's."""
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    held = [pid for pid in pids if find_namespaces(pid) & sight.namespaces]
    return [pid for pid in held if (start := find_start(pid)) and int(start) <= sight.ticks]


def find_janitor(lab_id: str) -> int:
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if b"tests.lab.janitor" in words and lab_id.encode() in words:
                return int(entry.name)
    pytest.fail("there is no janitor")


def wait_for_end(pid: int) -> None:
    """Until a process that is no child of ours has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([descriptor], [], [], 120)[0], f"process {pid} does not end"
    finally:
        os.close(descriptor)


def assert_nothing_is_left(sight: Sight) -> None:
    lab_id = sight.state.lab_id
    assert remains.iter_processes(lab_id) == []
    assert remains.find_cgroups(lab_id) == []
    assert remains.find_mounts(lab_id) == []
    assert not sight.state.root.exists()
    assert not sight.state.file.exists()
    assert find_holders(sight) == []


def test_down_leaves_nothing() -> None:
    lab = Lab.up()
    host = next(iter(lab.hosts.values()))
    host.load(lab.images["edge"])
    with contextlib.closing(host.open_client()) as client:
        image = lab.images["edge"].id
        client.containers.run(image, ["sleep", "1000"], detach=True, network_mode="none")
    sight = look_at(lab.state.lab_id)
    assert find_holders(sight)
    assert remains.find_cgroups(lab.state.lab_id)
    lab.down()
    assert_nothing_is_left(sight)


def test_a_killed_tester_leaves_nothing() -> None:
    words = [sys.executable, "-c", _TESTER]
    with subprocess.Popen(words, stdin=-1, stdout=-1, cwd=CHECKOUT, text=True) as tester:
        assert tester.stdout is not None
        sight = look_at(tester.stdout.readline().strip())
        assert remains.find_cgroups(sight.state.lab_id)
        os.kill(tester.pid, signal.SIGKILL)
    wait_for_end(sight.janitor)
    assert_nothing_is_left(sight)


def test_a_kept_lab_is_ended_by_another_process() -> None:
    if any(state.kept for state in load_states()):
        pytest.skip("somebody keeps a laboratory: `make lab-down` ends it")
    subprocess.run([sys.executable, "-m", "tests.lab.up"], cwd=CHECKOUT, capture_output=True, check=True)
    try:
        [state] = [state for state in load_states() if state.kept]
        sight = look_at(state.lab_id)
    finally:
        subprocess.run(
            [sys.executable, "-m", "tests.lab.down"], cwd=CHECKOUT, capture_output=True, check=True
        )
    assert_nothing_is_left(sight)
