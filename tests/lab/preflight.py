"""What keeps a laboratory from being started on this machine, in words, before anything is tried.

`python -m tests.lab.preflight` says nothing and exits 0, or says it in one line and exits 1.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.lab import mongod
from tests.lab.machine import LabError
from tests.lab.programs import find_program, load_pins
from tests.lab.remains import CGROUPS, PREFIX
from tests.lab.state import choose_folder

_COMMANDS = (
    "unshare", "nsenter", "ip", "nft", "iptables", "dockerd", "containerd", "runc", "named",
    "haproxy", "socat", "redis-server", "busybox", "ldd",
)  # fmt: skip
# each is tried in fresh namespaces; the words are what is missing when it fails
_PROBES = (
    ("mount -t proc proc /proc", "the right to mount"),
    ("ip link add b0 type bridge", "bridges"),
    ("ip link add v0 type veth peer name v1", "virtual cables (veth)"),
    ("nft add table inet probe", "nftables"),
    ("iptables -t nat -A POSTROUTING -j MASQUERADE", "iptables with nat"),
)


@functools.cache
def find_obstacles() -> tuple[str, ...]:
    """What is missing, the coarsest first; empty when a laboratory can start."""
    if os.geteuid() != 0:
        return ("root (the laboratory makes namespaces and starts engines)",)
    missing = [f"the program '{name}'" for name in _COMMANDS if not _has_program(name)]
    if not (_has_program("docker-init") or _has_program("tini")):
        missing.append("the program 'docker-init' or 'tini'")
    missing += [f"{pin.name} {pin.version}" for pin in load_pins().values() if not pin.program.exists()]
    if missing:
        return tuple(missing)
    return tuple(_find_kernel_obstacles())


def _has_program(name: str) -> bool:
    try:
        find_program(name)
    except LabError:
        return False
    return True


def _find_kernel_obstacles() -> list[str]:
    if not _works("true"):
        return ["new namespaces"]
    if _is_chroot():
        return ["a root of its own (in a chroot, `docker exec` ends outside of the container)"]
    missing = [words for command, words in _PROBES if not _works(command)]
    if not _can_make_cgroups():
        missing.append(f"control groups that can be written ({CGROUPS})")
    if not _can_overlay():
        missing.append("overlay file systems")
    try:
        mongod.find_server()
    except LabError as error:
        missing.append(str(error))
    return missing


def _works(command: str) -> bool:
    words = ["unshare", "--pid", "--mount", "--uts", "--ipc", "--net", "--fork", "sh", "-c", command]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def _is_chroot() -> bool:
    """Whether the root of this process is another mount than that of its mount namespace."""
    words = ["nsenter", "-t", str(os.getpid()), "-m", "cat", "/proc/self/mountinfo"]
    there = subprocess.run(words, capture_output=True, text=True, check=False).stdout
    here = Path("/proc/self/mountinfo").read_text()
    return _find_root_mount(there) != _find_root_mount(here)


def _find_root_mount(mounts: str) -> str | None:
    """Number of the last mount on / in a mountinfo."""
    numbers = [words[0] for words in map(str.split, mounts.splitlines()) if words[4] == "/"]
    return numbers[-1] if numbers else None


def _can_make_cgroups() -> bool:
    tops = (
        [CGROUPS] if (CGROUPS / "cgroup.controllers").exists() else [CGROUPS / "memory", CGROUPS / "devices"]
    )
    for top in tops:
        probe = top / f"{PREFIX}probe-{os.getpid()}"
        try:
            probe.mkdir()
            probe.rmdir()
        except OSError:
            return False
    return True


def _can_overlay() -> bool:
    folder = choose_folder()
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        for name in ("lower", "upper", "work", "merged"):
            (Path(scratch) / name).mkdir()
        options = f"lowerdir={scratch}/lower,upperdir={scratch}/upper,workdir={scratch}/work"
        return _works(f"mount -t overlay overlay -o {options} {scratch}/merged")


def main() -> None:
    obstacles = find_obstacles()
    if obstacles:
        sys.exit(f"cannot start a laboratory here: missing {', '.join(obstacles)}")


if __name__ == "__main__":
    main()
