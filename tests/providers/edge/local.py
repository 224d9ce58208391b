"""Edges of HAProxy processes on loopback: the same files and commands as in a container, other places."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from drp.model.specs import FileSpec
from drp.ports.hosts import ContainerState, ExecResult
from drp.providers.edge.config import EdgeSettings
from drp.providers.edge.haproxy import HaproxyEdge
from drp.providers.probes import NetworkProbes
from drp.testing.contract_edges import AUTHORITY
from tests.providers.servers import free_port, missing, wait_listening


class LocalContainer:
    """Stands for the edge's container: a shell of the kind an image has, and folders of this machine."""

    def __init__(self, folder: Path) -> None:
        self.running = False
        self.commands: list[Sequence[str]] = []
        self.folders = [folder / name for name in ("config", "run", "secrets")]
        for each in self.folders:
            each.mkdir(parents=True)

    def find_container(self, name: str) -> ContainerState | None:
        status = "running" if self.running else "created"
        return ContainerState(name=name, id="1", image="", status=status, exit_code=0, labels={}, networks={})

    def read_file(self, container: str, path: str) -> bytes | None:
        return Path(path).read_bytes() if Path(path).exists() else None

    def put_files(self, container: str, directory: str, files: Sequence[FileSpec]) -> None:
        for file in files:
            path = Path(directory) / file.name
            path.unlink(missing_ok=True)
            path.write_bytes(file.content.reveal())
            path.chmod(file.mode)

    def execute(self, container: str, argv: Sequence[str], deadline: timedelta) -> ExecResult:
        assert argv[0] == "/bin/sh"
        self.commands.append(argv)
        done = subprocess.run(
            ["busybox", "sh", *argv[1:]],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=deadline.total_seconds(),
            check=False,
        )
        return ExecResult(exit_code=done.returncode, output=done.stdout.decode())


@dataclass
class LocalEdge:
    """One edge: ``edge`` is the provider under test."""

    settings: EdgeSettings
    container: LocalContainer
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def edge(self) -> HaproxyEdge:
        return HaproxyEdge(self.container, self.settings)

    @property
    def target(self) -> str:
        """``address:port`` for routes of other edges."""
        return f"{self.settings.address}:{self.settings.https_port}"

    def probes(self) -> NetworkProbes:
        return NetworkProbes(AUTHORITY.pem, port=self.settings.https_port)

    def runtime(self, command: str) -> str:
        """What the proxy says to a command on its socket."""
        with socket.socket(socket.AF_UNIX) as admin:
            admin.connect(str(self.container.folders[1] / "admin.sock"))
            admin.sendall(f"{command}\n".encode())
            return b"".join(iter(lambda: admin.recv(65536), b"")).decode()

    def connections(self) -> int:
        """Requests that the TLS port has taken and not answered, those that wait included."""
        return self.runtime("show sess").count(" fe=edge ")

    def uptime(self) -> int:
        """Whole seconds since the proxy started."""
        return int(self.runtime("show info").split("Uptime_sec: ")[1].split()[0])

    def start(self, *, permitted: bool = True) -> None:
        log = self.folder / "log"
        argv = ["busybox", "sh", str(self.folder / "config" / "edge.sh"), "start"]
        with log.open("ab") as output:
            self.process = subprocess.Popen(argv, stdout=output, stderr=output)
        wait_listening(self.process, port=self.settings.https_port, log=log, address=self.settings.address)
        self.container.running = True
        if permitted:  # what a guard does in a host
            self.edge.permit(datetime.now(UTC) + timedelta(days=1))

    def stop(self) -> None:
        """As a container is stopped."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
        self.process, self.container.running = None, False


def make_edge(folder: Path, address: str, *, idle_s: int = 60, peers: tuple[str, ...] = ()) -> LocalEdge:
    """An edge that is installed and does not run yet."""
    for program in ("haproxy", "socat", "flock", "busybox"):
        if shutil.which(program, path="/usr/sbin:/usr/bin:/bin") is None:
            missing(program)
    container = LocalContainer(folder)
    config, run, secrets = map(str, container.folders)
    settings = EdgeSettings(authorities=AUTHORITY.pem, peers=peers, uid=0, address=address, idle_s=idle_s)
    ports = {"http_port": free_port(), "https_port": free_port()}
    places = replace(settings, config=config, run=run, secrets=secrets, **ports)  # type: ignore[arg-type]
    made = LocalEdge(places, container, folder)
    made.edge.install()
    return made


@contextmanager
def running_edge(
    folder: Path, address: str, *, idle_s: int = 60, peers: tuple[str, ...] = ()
) -> Iterator[LocalEdge]:
    made = make_edge(folder, address, idle_s=idle_s, peers=peers)
    try:
        made.start()
        yield made
    finally:
        made.stop()
