"""A host: a machine with its own Docker engine, reached over TLS on the management leg only."""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import docker

from tests.lab import plan
from tests.lab.certificates import Authority
from tests.lab.images.build import Image
from tests.lab.machine import LabError, Machine

_CONFIG = Path(__file__).parents[2] / "config" / "hosts"
_START_SECONDS = 60  # an engine that boots with many containers takes 15 s and more


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientMaterial:
    """What a client of an engine needs, all PEM."""

    ca: bytes
    cert: bytes
    key: bytes


class HostMachine(Machine):
    """``boot`` starts the engine too; ``sock`` is its unix socket as seen from outside."""

    kind = "engine"
    forwards = True

    def __init__(
        self, name: str, disk: Path, *, lab_id: str, site: str, addresses: plan.HostPlan, cgroup: str
    ) -> None:
        super().__init__(name, disk, lab_id=lab_id, nameserver=plan.RESOLVER)
        self.site = site
        self.addresses = addresses
        self._cgroup = f"/{cgroup}/{name}"
        self._engine: subprocess.Popen[bytes] | None = None
        self.tls = ClientMaterial(ca=b"", cert=b"", key=b"")
        self.peers: list[str] = []
        """Edges of the other sites."""

    @property
    def engine_url(self) -> str:
        return f"tcp://{self.addresses.management}:{plan.ENGINE_PORT}"

    @property
    def edge_address(self) -> IPv4Address:
        return self.addresses.public

    @property
    def subnets(self) -> IPv4Network:
        """What drp may cut into links of tenants on this host."""
        return self.addresses.subnets

    @property
    def sock(self) -> str:
        return f"unix://{self.path('/run/docker.sock')}"

    def equip(self, authority: Authority, client: ClientMaterial, *, peers: Sequence[IPv4Address]) -> None:
        """Write what an installer of hosts would: firewall, engine settings, certificates."""
        self.tls = client
        self.disk.mkdir(parents=True, exist_ok=True)
        self.peers = [str(peer) for peer in peers]
        server = authority.issue_server(self.name, addresses=(self.addresses.management,))
        for file, data in (("ca.pem", client.ca), ("cert.pem", server.certificate), ("key.pem", server.key)):
            (self.disk / file).write_bytes(data)
        (self.disk / "key.pem").chmod(0o600)
        shutil.copy(_CONFIG / "drp.nft", self.disk)
        (self.disk / "host.nft").write_text(self._render_firewall_variables())
        settings = json.loads((_CONFIG / "daemon.json").read_text())
        (self.disk / "daemon.json").write_text(json.dumps(settings | self._engine_settings()))

    def _render_firewall_variables(self) -> str:
        return (
            'define PUBLIC = "eth0"\n'
            'define MANAGEMENT = "eth1"\n'
            f"define EDGE = {{ {self.addresses.public} }}\n"
            f"define OPERATORS = {{ {plan.OPERATORS} }}\n"
            f"define STORES = {{ {plan.STORE} . {plan.STORE_PORT} }}\n"
            f"define PEERS = {{ {', '.join(self.peers)} }}\n"
        )

    def _engine_settings(self) -> dict[str, object]:
        return {
            "hosts": ["unix:///run/docker.sock", self.engine_url],
            "tlsverify": True,
            "tlscacert": "/run/disk/ca.pem",
            "tlscert": "/run/disk/cert.pem",
            "tlskey": "/run/disk/key.pem",
            "bip": self.addresses.default_bridge,
            "default-address-pools": [{"base": str(self.addresses.pool), "size": 28}],
            # the control groups get the lab's name, so that two labs on one machine do not meet
            "cgroup-parent": self._cgroup,
            "exec-opts": ["native.cgroupdriver=cgroupfs"],
            "shutdown-timeout": 5,
        }

    def boot(self) -> None:
        super().boot()
        self.run("nft", "-I", "/run/disk", "-f", "/run/disk/drp.nft")
        self.start_engine()

    def start_engine(self) -> None:
        """Start dockerd and wait until it answers. Raises LabError with the end of its log."""
        log = self.disk / "dockerd.log"
        words = ["dockerd", "--config-file", "/run/disk/daemon.json", "--log-level", "warn"]
        self._engine = self.popen(*words, log=log)
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._engine.poll() is None:
            if is_answering(self.path("/run/docker.sock")):
                return
            time.sleep(0.02)
        raise LabError(f"cannot start the engine of '{self.name}': {log.read_text()[-2000:].strip()}")

    def kill_engine(self) -> None:
        """kill -9 of dockerd alone: containers and containerd stay. ``start_engine`` brings it back."""
        assert self._engine is not None
        self.kill(self._engine)
        # what a supervisor does before it starts the engine again
        self.path("/run/docker.pid").unlink(missing_ok=True)

    @contextlib.contextmanager
    def killed_engine(self) -> Iterator[None]:
        """dockerd is dead meanwhile; then a supervisor starts it again."""
        self.kill_engine()
        try:
            yield
        finally:
            self.start_engine()

    @contextlib.contextmanager
    def full_volumes(self, *, free: int) -> Iterator[None]:
        """New volumes lie on a file system with ``free`` bytes meanwhile; those in use are not moved."""
        folder = "/var/lib/docker/volumes"
        self.run("mount", "-t", "tmpfs", "-o", f"size={free}", "tmpfs", folder)
        try:
            yield
        finally:
            self.run("umount", "-l", folder)

    def open_client(self) -> docker.DockerClient:
        """A client of the engine over its unix socket, for those who stand outside; close it."""
        return docker.DockerClient(base_url=self.sock, version="auto", timeout=120)

    def load(self, *images: Image) -> None:
        """Load images from their archives. Raises LabError when the engine makes another ID of one."""
        with contextlib.closing(self.open_client()) as client:
            for image in images:
                with image.tar.open("rb") as file:
                    loaded = [one.id for one in client.images.load(file)]
                if loaded != [image.id]:
                    raise LabError(f"cannot load '{image.name}' on {self.name}: its id became {loaded}")

    def vary(self, image: Image, label: str) -> str:
        """An image that is the same but for a label; its id. No other host has it."""
        with contextlib.closing(self.open_client()) as client:
            container = client.containers.create(image.id)
            try:
                made = container.commit(changes=f'LABEL drp-lab.variant="{label}"')
            finally:
                container.remove()
            return str(made.id)

    def engine_pid(self) -> int:
        """The pid of dockerd as seen from outside."""
        if self._engine is None:
            raise LabError(f"cannot find the engine of '{self.name}': it was not started")
        wrapper = self._engine.pid
        return int(Path(f"/proc/{wrapper}/task/{wrapper}/children").read_text().split()[0])


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("engine", timeout=2)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def is_answering(path: Path) -> bool:
    """Whether an engine answers a ping on this unix socket."""
    connection = _UnixConnection(path)
    try:
        connection.request("GET", "/_ping")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
