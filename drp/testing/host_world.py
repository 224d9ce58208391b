"""What a fake engine holds: plain records, all of them copyable, and the pure rules about them."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field

from drp.errors import ConflictError, NotFoundError, RejectedError
from drp.model.specs import Attachment, ContainerSpec, NetworkSpec
from drp.model.values import JsonMap


@dataclass(slots=True)
class FakeFile:
    """A file with its owner and mode."""

    content: bytes
    uid: int = 0
    gid: int = 0
    mode: int = 0o644

    def to_json(self) -> JsonMap:
        """Everything but the content, of which only the digest is shown."""
        return {
            "sha256": hashlib.sha256(self.content).hexdigest(),
            "owner": f"{self.uid}:{self.gid}",
            "mode": f"{self.mode:04o}",
        }


Files = dict[str, FakeFile]
"""Path -> file; relative in a volume, absolute elsewhere."""


@dataclass(slots=True)
class FakeNetwork:
    """A network; ``members`` maps the name of a running container to its address."""

    spec: NetworkSpec
    members: dict[str, str] = field(default_factory=dict)

    def claim(self, container: str, wanted: str | None) -> str:
        """Give the container an address. Raises ConflictError (taken), RejectedError (outside, none left)."""
        block = ipaddress.ip_network(self.spec.subnet)
        taken = set(self.members.values())
        if wanted is None:
            free = (str(host) for host in list(block.hosts())[1:] if str(host) not in taken)
            wanted = next(free, None)
        if wanted is None or ipaddress.ip_address(wanted) not in block:
            lacking = wanted or "address left"
            raise RejectedError(
                f"cannot connect '{container}' to '{self.spec.name}': {block} has no {lacking}"
            )
        if wanted in taken or wanted == str(block[1]):
            raise ConflictError(
                f"cannot connect '{container}' to '{self.spec.name}': address {wanted} is already in use"
            )
        self.members[container] = wanted
        return wanted

    def to_json(self) -> JsonMap:
        return {
            "subnet": self.spec.subnet,
            "bridge": self.spec.bridge,
            "internal": self.spec.internal,
            "host_address": self.spec.host_address,
            "talk": self.spec.talk,
            "labels": dict(self.spec.labels),
            "members": dict(self.members),
        }


@dataclass(slots=True)
class FakeVolume:
    """A named volume."""

    labels: Mapping[str, str]
    files: Files = field(default_factory=dict)

    def to_json(self) -> JsonMap:
        return {"labels": dict(self.labels), "files": _files_to_json(self.files)}


@dataclass(slots=True)
class FakeContainer:
    """A container in any state; ``attachments`` are what it joins when it starts."""

    spec: ContainerSpec
    id: str
    attachments: dict[str, Attachment]
    status: str = "created"
    exit_code: int = 0
    digest: str = field(init=False)
    """Of the spec, which never changes."""

    def __post_init__(self) -> None:
        self.digest = self.spec.digest()

    def to_json(self) -> JsonMap:
        return {
            "image": self.spec.image,
            "status": self.status,
            "exit_code": self.exit_code,
            "labels": dict(self.spec.labels),
            "networks": {name: link.address or "" for name, link in self.attachments.items()},
            "published": [*published(self.spec)],
            "spec": self.digest,
        }


@dataclass(slots=True)
class World:
    """Everything an engine and its host keep. ``tmpfs`` is the host's /run, by absolute path."""

    images: dict[str, bytes] = field(default_factory=dict)
    networks: dict[str, FakeNetwork] = field(default_factory=dict)
    volumes: dict[str, FakeVolume] = field(default_factory=dict)
    containers: dict[str, FakeContainer] = field(default_factory=dict)
    tmpfs: Files = field(default_factory=dict)
    made: int = 0

    def to_json(self) -> JsonMap:
        """A picture to compare: ids and times left out, contents as digests."""
        return {
            "images": [*sorted(self.images)],
            "networks": {name: self.networks[name].to_json() for name in sorted(self.networks)},
            "volumes": {name: self.volumes[name].to_json() for name in sorted(self.volumes)},
            "containers": {name: self.containers[name].to_json() for name in sorted(self.containers)},
            "tmpfs": _files_to_json(self.tmpfs),
        }

    def next_id(self, name: str) -> str:
        """An id that no other object of this world had or has."""
        self.made += 1
        return hashlib.sha256(f"{name} {self.made}".encode()).hexdigest()

    def running(self) -> list[FakeContainer]:
        return [container for container in self._now() if container.status == "running"]

    def find_joined(self, key: str) -> FakeContainer | None:
        """A container by its name or id."""
        return next((c for c in self._now() if key in (c.spec.name, c.id)), None)

    def _now(self) -> list[FakeContainer]:
        """All containers; others may be made and removed while these are gone through."""
        return [*self.containers.values()]

    def check_joined(self, spec: ContainerSpec) -> None:
        """Raises NotFoundError, or RejectedError when the container it joins does not run."""
        joined = self.find_joined(spec.join)
        if joined is None:
            raise NotFoundError(f"cannot start container '{spec.name}': no container '{spec.join}'")
        if joined.status != "running":
            raise RejectedError(f"cannot start container '{spec.name}': '{spec.join}' does not run")

    def find_user_of(self, volume: str) -> str | None:
        """Name of a container, in any state, that mounts the volume."""
        for container in self._now():
            if any(mount.volume == volume for mount in container.spec.mounts):
                return container.spec.name
        return None

    def check_network(self, spec: NetworkSpec) -> None:
        """Raises ConflictError when its name, bridge or addresses are taken."""
        if spec.name in self.networks:
            raise ConflictError(f"cannot create network '{spec.name}': the name is taken")
        for other in (network.spec for network in self.networks.values()):
            if other.bridge == spec.bridge:
                raise ConflictError(
                    f"cannot create network '{spec.name}': bridge '{spec.bridge}' is '{other.name}'"
                )
            if ipaddress.ip_network(other.subnet).overlaps(ipaddress.ip_network(spec.subnet)):
                raise ConflictError(
                    f"cannot create network '{spec.name}': {spec.subnet} overlaps '{other.name}'"
                )

    def check_ports(self, spec: ContainerSpec) -> None:
        """Raises ConflictError when a running container has published one of its ports."""
        wanted = set(published(spec))
        for other in self.running():
            for port in sorted(wanted.intersection(published(other.spec))):
                raise ConflictError(f"cannot start container '{spec.name}': port {port} is already allocated")

    def files_at(self, container: FakeContainer, path: str) -> tuple[Files, str, bool] | None:
        """Where a path inside a container leads: the files, the key in them, and if it is read-only.

        None: the path is in the container's own root, which is read-only and never written.
        """
        for mount in sorted(container.spec.mounts, key=lambda mount: len(mount.path), reverse=True):
            if path != mount.path and not path.startswith(mount.path.rstrip("/") + "/"):
                continue
            rest = path[len(mount.path) :].lstrip("/")
            if mount.volume is not None:
                return self.volumes[mount.volume].files, rest, mount.read_only
            return self.tmpfs, f"{mount.host_path}/{rest}".rstrip("/"), mount.read_only
        return None


def published(spec: ContainerSpec) -> tuple[str, ...]:
    """Published ports as ``192.0.2.10:443``."""
    return tuple(f"{port.address}:{port.port}" for port in spec.ports)


def _files_to_json(files: Files) -> JsonMap:
    return {path: files[path].to_json() for path in sorted(files)}
