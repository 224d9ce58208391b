"""Engines for tests of the provider alone: a machine each, TLS on its loopback, a unix socket outside."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil
import subprocess
import tarfile
import tempfile
import time
import uuid
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

import docker

from drp.model.values import Secret
from drp.providers.docker.engine import Engine, Patience
from drp.providers.docker.host import DockerHost
from drp.providers.docker.tls import TlsMaterial
from tests.lab.certificates import Authority, KeyPair
from tests.lab.host import is_answering
from tests.lab.machine import LabError, Machine
from tests.lab.remains import PREFIX, sweep
from tests.providers.servers import PAUSE_S

PORT = 2376
URL = f"tcp://127.0.0.1:{PORT}"
_START_SECONDS = 60
USUAL = Patience()


class EngineMachine(Machine):
    """A machine with dockerd, and nothing else."""

    kind = "engine"
    forwards = True

    def __init__(self, name: str, root: Path, *, lab_id: str) -> None:
        super().__init__(name, root / name, lab_id=lab_id)
        self.authority = Authority("engines")
        self._engine: subprocess.Popen[bytes] | None = None

    @property
    def sock(self) -> str:
        return f"unix://{self.path('/run/docker.sock')}"

    def boot(self) -> None:
        self.disk.mkdir(parents=True, exist_ok=True)
        server = self.authority.issue_server(self.name, addresses=(IPv4Address("127.0.0.1"),))
        (self.disk / "ca.pem").write_bytes(self.authority.certificate)
        (self.disk / "cert.pem").write_bytes(server.certificate)
        (self.disk / "key.pem").write_bytes(server.key)
        (self.disk / "daemon.json").write_text(json.dumps(self._settings()))
        super().boot()
        self.start_engine()

    def _settings(self) -> dict[str, object]:
        return {
            "hosts": ["unix:///run/docker.sock", URL],
            "tlsverify": True,
            "tlscacert": "/run/disk/ca.pem",
            "tlscert": "/run/disk/cert.pem",
            "tlskey": "/run/disk/key.pem",
            "bip": "10.78.255.1/24",
            "default-address-pools": [{"base": "10.78.0.0/21", "size": 28}],
            "cgroup-parent": f"/{PREFIX}{self.lab_id}/{self.name}",
            "exec-opts": ["native.cgroupdriver=cgroupfs"],
            "shutdown-timeout": 5,
        }

    def start_engine(self) -> None:
        """Start dockerd and wait until it answers."""
        log = self.disk / "dockerd.log"
        words = ["dockerd", "--config-file", "/run/disk/daemon.json", "--log-level", "warn"]
        self._engine = self.popen(*words, log=log)
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._engine.poll() is None:
            if is_answering(self.path("/run/docker.sock")):
                return
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._engine.wait(PAUSE_S)
        raise LabError(f"cannot start the engine of '{self.name}': {log.read_text()[-2000:]}")

    def kill_engine(self) -> None:
        """kill -9 of dockerd alone; containers go on."""
        assert self._engine is not None
        self.kill(self._engine)
        # what a supervisor does before it starts the engine again
        self.path("/run/docker.pid").unlink(missing_ok=True)

    def tls(self, client: KeyPair | None = None, ca: bytes | None = None) -> TlsMaterial:
        pair = client or self.authority.issue_client("operator")
        return TlsMaterial(ca=ca or self.authority.certificate, cert=pair.certificate, key=Secret(pair.key))

    def over_tls(self, patience: Patience = USUAL, tls: TlsMaterial | None = None) -> DockerHost:
        """The host over TLS; only for threads inside ``net()`` of this machine."""
        return DockerHost(Engine(self.name, URL, tls=tls or self.tls(), patience=patience))

    def over_socket(self, patience: Patience = USUAL) -> DockerHost:
        return DockerHost(Engine(self.name, self.sock, patience=patience))

    def add_image(self, archive: bytes) -> str:
        """Import a root file system; the ID of its image."""
        api = docker.APIClient(self.sock, version="1.41")
        answer = api.import_image_from_data(archive, changes=["ENV PATH=/bin"])
        return str(json.loads(answer.splitlines()[-1])["status"])


@contextlib.contextmanager
def engines(*names: str) -> Iterator[tuple[EngineMachine, ...]]:
    """Running engines; nothing is left of them afterwards."""
    lab_id = uuid.uuid4().hex[:8]
    root = Path(tempfile.gettempdir()) / f"{PREFIX}{lab_id}"
    machines = tuple(EngineMachine(name, root, lab_id=lab_id) for name in names)
    try:
        for machine in machines:
            machine.boot()
        yield machines
    finally:
        for machine in machines:
            machine.power_off()
        sweep(lab_id, root)


def build_shell_image(extra: bytes = b"") -> bytes:
    """A root file system with busybox and what it needs; ``extra`` makes its image another one."""
    busybox = Path(shutil.which("busybox") or "/bin/busybox")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in ("bin", "etc", "run", "run/secrets", "data", "tmp"):
            _add(archive, name, tarfile.DIRTYPE)
        linked = subprocess.run(["ldd", busybox], capture_output=True, text=True, check=False).stdout
        for library in map(Path, re.findall(r"(/\S+) \(0x", linked)):
            _add(archive, str(library).lstrip("/"), tarfile.REGTYPE, library.read_bytes())
        _add(archive, "bin/busybox", tarfile.REGTYPE, busybox.read_bytes())
        _add(archive, "etc/extra", tarfile.REGTYPE, extra)
        tools = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout
        for tool in tools.split():
            if tool != "busybox":
                _add(archive, f"bin/{tool}", tarfile.SYMTYPE, link="busybox")
    return buffer.getvalue()


def _add(archive: tarfile.TarFile, name: str, kind: bytes, data: bytes = b"", link: str = "") -> None:
    member = tarfile.TarInfo(name)
    member.type, member.mode, member.size, member.linkname = kind, 0o755, len(data), link
    archive.addfile(member, io.BytesIO(data))
