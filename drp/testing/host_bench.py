"""What the contract of hosts is tried with: two hosts, an image, and specs of small containers.

The image needs a POSIX shell with the usual small tools; SCRIPTS are all that runs in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from drp.model.names import SECRETS_ROOT
from drp.model.specs import ContainerSpec, FileSpec, Mount, NetworkSpec
from drp.model.values import Secret
from drp.ports.hosts import ContainerState, Host

SCRIPTS: Final[Mapping[str, str]] = {
    "serve": 'trap "exit 0" TERM; while :; do sleep 1 & wait $!; done',
    "digest": "head -c 300000 | sha256sum",
    "count": "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; printf end",
    "wide": "head -c 3000000 /dev/zero | tr '\\0' x; echo",
    "fail": "echo before; echo reason >&2; exit 3",
    "hang": "echo begun; sleep 1000",
    "read": "cat /run/secrets/password; exit 4",
    "owner": "stat -c '%u:%g %a' /run/secrets/password",
}

ENOUGH: Final = timedelta(seconds=60)
LABELS: Final = {"drp.tenant": "contract"}
MISSING_IMAGE: Final = "sha256:" + "0" * 64


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Two hosts, the image both have, and a prefix for names that nobody else uses."""

    host: Host
    other: Host
    image: str
    prefix: str
    image_only_here: str
    """An image that ``host`` has and ``other`` does not."""

    def spec(self, name: str, script: str = "serve", **changes: Any) -> ContainerSpec:
        """A container that runs one of SCRIPTS; each has a label, its numeric user and little memory."""
        spec = ContainerSpec(
            name=f"{self.prefix}-{name}",
            image=self.image,
            command=("sh", "-c", SCRIPTS[script]),
            labels=LABELS,
            uid=1000,
            gid=1001,
            memory=64 * 2**20,
            cpus=1.0,
            pids=32,
            stop_timeout=1,
        )
        return replace(spec, **changes)

    def once(self, name: str, script: str) -> ContainerSpec:
        return self.spec(name, script, logs=False, stdin=True)

    def network(self, name: str = "link", block: int = 0, **changes: Any) -> NetworkSpec:
        """A network with a /28 of its own for each ``block``."""
        spec = NetworkSpec(
            name=f"{self.prefix}-{name}",
            bridge=f"drpc{hashlib.sha256(f'{self.prefix}-{name}'.encode()).hexdigest()[:10]}",
            subnet=f"10.79.0.{block * 16}/28",
            internal=True,
            host_address=False,
            labels=LABELS,
        )
        return replace(spec, **changes)

    def secrets(self, name: str) -> Mount:
        return Mount(path="/run/secrets", host_path=f"{SECRETS_ROOT}/{self.prefix}/{name}")

    def require(self, name: str) -> ContainerState:
        found = self.host.find_container(f"{self.prefix}-{name}")
        assert found is not None
        return found

    def run(self, name: str, script: str) -> str:
        """Create and start; the container's name."""
        spec = self.spec(name, script)
        self.host.create_container(spec)
        self.host.start_container(spec.name)
        return spec.name

    def clear(self) -> None:
        """Remove all that tests made on both hosts."""
        for host in (self.host, self.other):
            for container in host.containers(LABELS):
                host.remove_container(container.name)
            for network in host.networks():
                if network.labels == LABELS:
                    host.remove_network(network.name)
            for volume in host.volumes(LABELS):
                host.remove_volume(volume)


def shell(script: str) -> Sequence[str]:
    """A command for ``execute``."""
    return ("sh", "-c", SCRIPTS[script])


PASSWORD: Final = b"c0rrect h0rse"


def password_file() -> FileSpec:
    return FileSpec(name="password", content=Secret(PASSWORD), uid=0, gid=1001, mode=0o440)
