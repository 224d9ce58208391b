"""What a laboratory leaves on the machine, found by its id and removed. Standard library only.

Processes carry the id in their environment, control groups and the root folder in their name.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from pathlib import Path

from tests.lab.machine import MARK

CGROUPS = Path("/sys/fs/cgroup")
PREFIX = "drp-lab-"
_PATIENCE = 30.0


def iter_processes(lab_id: str) -> list[int]:
    """Pids of all processes of the lab but this one."""
    mark = f"{MARK}={lab_id}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
    return found


def find_cgroups(lab_id: str) -> list[Path]:
    """Top control groups of the lab, one for each controller (or one for all)."""
    name = PREFIX + lab_id
    return [p for p in [CGROUPS / name, *CGROUPS.glob(f"*/{name}")] if p.is_dir()]


def find_mounts(lab_id: str) -> list[str]:
    """Mounts of the lab that are seen from here (there should be none at any time)."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line for line in lines if PREFIX + lab_id in line]


def kill_processes(lab_id: str) -> None:
    """kill -9 until none is left. Raises TimeoutError naming those that stay."""
    deadline = time.monotonic() + _PATIENCE
    while left := iter_processes(lab_id):
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise TimeoutError(f"cannot end processes {left} of lab {lab_id}")
        time.sleep(0.02)


def remove_cgroups(lab_id: str) -> None:
    """Remove empty control groups bottom-up; the kernel empties them a moment after the last process."""
    deadline = time.monotonic() + _PATIENCE
    while left := find_cgroups(lab_id):
        for top in left:
            for folder, _, _ in os.walk(top, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)
        if time.monotonic() > deadline:
            raise TimeoutError(f"cannot remove control groups {[str(p) for p in left]}")
        time.sleep(0.02)


def sweep(lab_id: str, root: Path) -> None:
    """Remove all that is left of a lab: processes, control groups, files."""
    kill_processes(lab_id)
    remove_cgroups(lab_id)
    if root.name == PREFIX + lab_id:
        shutil.rmtree(root, ignore_errors=True)
