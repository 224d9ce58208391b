"""One machine: its own pid, mount, uts, ipc and network namespaces, held by a single init process.

Killing init is a power cut: the kernel kills everything in the machine, and its mounts and its network
go with it; its disk (a folder) stays. Init reads from a pipe that the tester holds, so a tester that
dies in any way takes its machines along.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from tests.lab.router import Segment

MARK = "DRP_LAB"  # environment variable that marks every process of a lab with its id
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)

# /run holds pid files and sockets and is empty after each boot, as on a real host. /etc/docker and
# /tmp of an engine must not be the machine's own; the disk is reached as /run/disk wherever it lies.
_INIT = """
set -e
mount --make-rprivate /
mount -t proc proc /proc
resolv=$(readlink -f /etc/resolv.conf)
mount -t tmpfs -o mode=755,size=256m tmpfs /run
mkdir -p /run/lock /run/disk "$(dirname "$resolv")"
mount --bind "$1" /run/disk
[ -e "$resolv" ] || : > "$resolv"
mount --bind /run/disk/resolv.conf "$resolv"
mount --bind /run/disk/hosts /etc/hosts
if [ "$4" = engine ]; then
    mkdir -p /run/disk/docker /var/lib/docker /etc/docker
    mount --bind /run/disk/docker /var/lib/docker
    mount -t tmpfs -o size=1m tmpfs /etc/docker
    mount -t tmpfs -o mode=1777,size=64m tmpfs /tmp
fi
hostname "$2"
ip link set lo up
cd /proc/sys/net
echo "$3" > ipv4/ip_forward
echo 0 > ipv4/conf/all/rp_filter
for file in ipv6/conf/*/disable_ipv6; do [ ! -e $file ] || echo 1 > $file; done
cd /
echo ready
exec $5 -s -- cat > /dev/null 2>&1
"""


class LabError(Exception):
    """The laboratory itself does not work; ``log`` of the part that failed is in the message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A cable from a machine to a segment."""

    segment: Segment
    address: IPv4Address
    device: str
    port: str

    @property
    def hardware_address(self) -> str:
        """Fixed for its place: with a new one at each boot neighbours would lose the machine for ~8 s."""
        digest = hashlib.sha256(f"{self.segment.name} {self.address}".encode()).hexdigest()
        return "02:" + ":".join(digest[i : i + 2] for i in range(0, 10, 2))


class Machine:
    """A machine of the lab; ``disk`` outlives a power cut. Booted by ``boot``, cut by ``power_off``."""

    kind = "plain"
    forwards = False

    def __init__(self, name: str, disk: Path, *, lab_id: str, nameserver: IPv4Address | None = None) -> None:
        self.name = name
        self.disk = disk
        self.lab_id = lab_id
        self.pid = 0
        self._nameserver = nameserver
        self._legs: list[Leg] = []
        self._routes: list[str] = []
        self._children: list[subprocess.Popen[bytes]] = []
        self._guard = threading.Lock()
        self._outer: subprocess.Popen[bytes] | None = None

    # ---- cables

    def link(self, segment: Segment, address: IPv4Address) -> None:
        """Plan a leg; it is laid at each boot. The first is eth0."""
        port = segment.next_port()
        self._legs.append(
            Leg(segment=segment, address=address, device=f"eth{len(self._legs)}", port=port),
        )

    def route(self, destination: str, gateway: IPv4Address) -> None:
        """Plan a route; it is laid at each boot."""
        self._routes.append(f"route add {destination} via {gateway}")

    def _lay_cables(self) -> None:
        lines = []
        for leg in self._legs:
            leg.segment.plug(leg, self.pid)
            lines.append(f"addr add {leg.address}/{leg.segment.network.prefixlen} dev {leg.device}")
            lines.append(f"link set {leg.device} up")
        self.ip_batch(lines + self._routes)

    def ip_batch(self, lines: list[str]) -> None:
        """Run several ``ip`` commands in one process."""
        if lines:
            self.run("ip", "-batch", "-", input="\n".join(lines) + "\n")

    def find_leg(self, address: IPv4Address) -> Leg:
        """The leg with an address. Raises LookupError."""
        found = [leg for leg in self._legs if leg.address == address]
        if not found:
            raise LookupError(f"'{self.name}' has no leg with address {address}")
        return found[0]

    # ---- power

    @property
    def is_on(self) -> bool:
        return bool(self.pid)

    def boot(self) -> None:
        """Power on; returns when the network is laid. Raises LabError with init's words."""
        self.disk.mkdir(parents=True, exist_ok=True)
        nameserver = (
            f"nameserver {self._nameserver}\noptions timeout:2 attempts:2\n" if self._nameserver else ""
        )
        (self.disk / "resolv.conf").write_text(nameserver)
        (self.disk / "hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {self.name}\n")
        log = self.disk / "init.log"
        with log.open("wb") as errors:
            outer = subprocess.Popen(
                self._init_command(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
                env=self._environment(None),
            )
        assert outer.stdout is not None
        if outer.stdout.readline().strip() != b"ready":
            outer.kill()
            outer.wait()
            raise LabError(f"cannot boot '{self.name}': {log.read_text().strip()}")
        self._outer = outer
        self.pid = int(Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text().split()[0])
        self._lay_cables()

    def _init_command(self) -> list[str]:
        flags = ["--pid", "--mount", "--uts", "--ipc", "--net", "--fork", "--kill-child"]
        init = shutil.which("docker-init") or shutil.which("tini") or "tini"
        forward = "1" if self.forwards else "0"
        words = ["sh", "-c", _INIT, "init", str(self.disk), self.name, forward, self.kind, init]
        return ["unshare", *flags, *words]

    def power_off(self) -> None:
        """kill -9 of everything at once; returns when all is reaped. Nothing to do when it is off."""
        outer, self._outer = self._outer, None
        if outer is None:
            return
        # The cables first: the kernel tears a dead namespace down later and until then it would
        # still answer with resets.
        for leg in self._legs:
            leg.segment.unplug(leg)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        # Init's end waits until every process in it is reaped. A wrapper whose child was stopped has
        # stopped itself and would never reap.
        with self._guard:
            children, self._children = self._children, []
        for child in children:
            child.kill()
        for process in [outer, *children]:
            process.wait()
        for pipe in (outer.stdin, outer.stdout):
            if pipe is not None:
                pipe.close()
        self.pid = 0

    # ---- commands

    def enter(self) -> list[str]:
        """The words that go before a command to run it inside the machine."""
        if not self.pid:
            raise LabError(f"cannot enter '{self.name}': it is off")
        return ["nsenter", "-t", str(self.pid), "-n", "-p", "-m", "-u", "-i", "--"]

    def _environment(self, extra: Mapping[str, str] | None) -> dict[str, str]:
        return {**os.environ, **(extra or {}), MARK: self.lab_id}

    def _words(self, command: tuple[str | Path, ...], folder: Path | None) -> list[str]:
        before = ["env", "-C", str(folder)] if folder else []
        return [*self.enter(), *before, *map(str, command)]

    def run(
        self,
        *command: str | Path,
        check: bool = True,
        input: str | None = None,
        timeout: float | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end. With ``check`` a failure raises LabError that holds what was said."""
        done = subprocess.run(
            self._words(command, cwd),
            input=input if input is not None else "",
            capture_output=True,
            text=True,
            timeout=timeout,
            env=self._environment(env),
            check=False,
        )
        if check and done.returncode:
            said = (done.stderr + done.stdout).strip()
            raise LabError(f"cannot run '{command[0]}' on {self.name}: exit {done.returncode}: {said}")
        return done

    def popen(
        self,
        *command: str | Path,
        log: Path | None = None,
        stdin: int | IO[bytes] = subprocess.DEVNULL,
        stdout: int | IO[bytes] | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start and return; both outputs go to ``log`` (added to it) unless ``stdout`` says otherwise."""
        with contextlib.ExitStack() as stack:
            output: int | IO[bytes] = stack.enter_context(log.open("ab")) if log else subprocess.DEVNULL
            child = subprocess.Popen(
                self._words(command, cwd),
                stdin=stdin,
                stdout=output if stdout is None else stdout,
                stderr=output if log else (subprocess.DEVNULL if stdout is None else None),
                env=self._environment(env),
            )
        with self._guard:
            self._children = [c for c in self._children if c.poll() is None] + [child]
        return child

    @staticmethod
    def kill(child: subprocess.Popen[bytes]) -> None:
        """kill -9 of what ``popen`` started."""
        for pid in Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split():
            os.kill(int(pid), signal.SIGKILL)
        child.wait()

    def find_process(self, program: str) -> int:
        """The pid, seen from outside, of the machine's only process of this program. Raises LookupError."""
        own = os.readlink(f"/proc/{self.pid}/ns/pid")
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # processes come and go
                if (place / "comm").read_text().strip() == program and os.readlink(place / "ns/pid") == own:
                    found.append(int(place.name))
        if len(found) != 1:
            raise LookupError(f"'{self.name}' has {len(found)} processes '{program}'")
        return found[0]

    @contextlib.contextmanager
    def stopped(self, program: str) -> Iterator[None]:
        """SIGSTOP: the program does nothing meanwhile, and the kernel still accepts connections for it."""
        process = self.find_process(program)
        parent = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
        os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            # a wrapper whose child was stopped has stopped itself
            for pid in (process, parent):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Every process but init stands still, also those in containers; the kernel goes on."""
        # twice: one that was being started by another is caught then
        self.run("sh", "-c", "kill -STOP -1; sleep 0.1; kill -STOP -1")
        try:
            yield
        finally:
            self.run("sh", "-c", "kill -CONT -1")
            # a wrapper whose child was stopped has stopped itself
            with self._guard:
                for child in self._children:
                    if child.poll() is None:
                        child.send_signal(signal.SIGCONT)

    def path(self, inside: str) -> Path:
        """A path inside the machine as seen from outside."""
        return Path(f"/proc/{self.pid}/root") / inside.lstrip("/")

    @contextlib.contextmanager
    def net(self) -> Iterator[None]:
        """New sockets of this thread, and its new child processes, are in this machine's network.

        A pooled connection stays where it was made.
        """
        if not self.pid:
            raise LabError(f"cannot enter '{self.name}': it is off")
        with _entered(Path(f"/proc/{self.pid}/ns/net")):
            yield

    @contextlib.contextmanager
    def net_of(self, pid: int) -> Iterator[None]:
        """As ``net``, in the network of a process of this machine (its own number for it): a container's."""
        with _entered(self.path(f"/proc/{pid}/ns/net")):
            yield


@contextlib.contextmanager
def _entered(namespace: Path) -> Iterator[None]:
    """This thread is in a network namespace meanwhile."""
    old = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    new = os.open(namespace, os.O_RDONLY)
    try:
        _set_namespace(new)
        yield
    finally:
        _set_namespace(old)
        os.close(old)
        os.close(new)


def _set_namespace(descriptor: int) -> None:
    # os.setns came with Python 3.12
    if _libc.setns(descriptor, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "cannot enter a network namespace")
