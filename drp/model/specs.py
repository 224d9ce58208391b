"""What a host is asked to make, as data. One builder makes these; providers only translate them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Final

from drp.model.plan import canonical
from drp.model.values import Secret

SPEC_LABEL: Final = "drp.spec"
"""Label by which a container carries the digest of the spec it was made from."""

RUN_LABELS: Final = frozenset({"drp.run", "drp.step"})
"""Labels that tell who made an object; they are no part of what it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSpec:
    """A bridge network. ``subnet`` in CIDR form; ``host_address`` False keeps the host out of the link."""

    name: str
    bridge: str
    subnet: str
    internal: bool
    host_address: bool
    talk: bool = True
    """False: members cannot reach each other (icc off)."""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeSpec:
    """A named local volume."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A container's place on a network; ``address`` None lets the engine choose."""

    network: str
    address: str | None = None
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A volume, or (``host_path`` starting with /run/drp) a directory of the host's tmpfs."""

    path: str
    volume: str | None = None
    host_path: str | None = None
    read_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedPort:
    """``address`` is always one declared address of the host, never 0.0.0.0."""

    address: str
    port: int
    container_port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """A hardened container. Sizes in bytes, ``stop_timeout`` in seconds, ``image`` an image ID."""

    name: str
    image: str
    command: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    hostname: str = ""
    uid: int
    gid: int
    attachments: tuple[Attachment, ...] = ()
    join: str = ""
    """Id or name of a running container whose network this one shares; then it has no attachments."""
    mounts: tuple[Mount, ...] = ()
    tmpfs: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[PublishedPort, ...] = ()
    capabilities: tuple[str, ...] = ()
    sysctls: Mapping[str, str] = field(default_factory=dict)
    memory: int
    cpus: float
    pids: int
    stop_timeout: int = 10
    logs: bool = True
    """False: log driver ``none`` (helpers: their output is read by attach and kept nowhere)."""
    stdin: bool = False

    def digest(self) -> str:
        """SHA-256 (hexadecimal) of the canonical JSON, run labels left out: equal for equal containers."""
        plain = _plain(self)
        if not self.join:
            del plain["join"]
        plain["labels"] = {key: value for key, value in self.labels.items() if key not in RUN_LABELS}
        return hashlib.sha256(canonical(plain)).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSpec:
    """A file to be placed into a container before it starts."""

    name: str
    content: Secret
    uid: int
    gid: int
    mode: int


def _plain(value: Any) -> Any:
    """A spec's value as JSON."""
    if value is None or isinstance(value, (str, int, float)):
        return value
    if is_dataclass(value):
        return {item.name: _plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
