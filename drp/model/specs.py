"""What a host is asked to make, as data. One builder makes these; providers only translate them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from drp.model.values import Secret


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


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSpec:
    """A file to be placed into a container before it starts."""

    name: str
    content: Secret
    uid: int
    gid: int
    mode: int
