"""One Docker host: networks, volumes, containers, images, files, one-shot jobs."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from drp.model.specs import ContainerSpec, FileSpec, NetworkSpec, VolumeSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class HostState:
    """The engine as it describes itself. ``time`` is the engine's own clock."""

    name: str
    api_version: str
    engine_version: str
    time: datetime
    memory: int
    cpus: int
    pools: tuple[str, ...] = ()
    """Networks (CIDR) from which the engine takes one when whoever creates a network names none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkState:
    """A network as found; ``members`` maps container name -> address without prefix length."""

    name: str
    subnet: str
    bridge: str
    internal: bool
    host_address: bool
    labels: Mapping[str, str]
    members: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerState:
    """A container as found. ``status``: created, running, exited, paused, dead …

    ``networks`` maps network name -> address ("" while the container does not run).
    ``spec_digest`` is the digest of the spec it was made from (a label), "" for a foreign one.
    """

    name: str
    id: str
    image: str
    status: str
    exit_code: int
    labels: Mapping[str, str]
    networks: Mapping[str, str]
    published: tuple[str, ...] = ()
    """As ``192.0.2.10:443``."""
    spec_digest: str = ""

    @property
    def running(self) -> bool:
        return self.status == "running"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecResult:
    """Output of a command that is known to have ended."""

    exit_code: int
    output: str


class HostReader(Protocol):
    """Errors: UnreachableError, DeniedError, RejectedError."""

    def state(self) -> HostState: ...

    def has_image(self, image: str) -> bool:
        """True when an image of that ID (sha256:…) is there."""
        ...

    def find_network(self, name: str) -> NetworkState | None: ...

    def find_volume(self, name: str) -> Mapping[str, str] | None:
        """The volume's labels, or None."""
        ...

    def find_container(self, name: str) -> ContainerState | None: ...

    def networks(self) -> list[NetworkState]: ...

    def volumes(self, labels: Mapping[str, str]) -> list[str]:
        """Names of the volumes that have all these labels."""
        ...

    def containers(self, labels: Mapping[str, str]) -> list[ContainerState]:
        """Containers in any state that have all these labels."""
        ...

    def save_image(self, image: str) -> Iterator[bytes]:
        """The image as a tar stream. Raises NotFoundError."""
        ...

    def read_file(self, container: str, path: str) -> bytes | None:
        """A file of a container (in a volume or its root), or None; NotFoundError: no such container."""
        ...

    def look_once(
        self, spec: ContainerSpec, stdin: bytes, deadline: timedelta
    ) -> Generator[bytes, None, None]:
        """``run_once`` of a container that sees the host's own network and can change nothing.

        Raises BugError for a spec with mounts, networks, ports, capabilities or sysctls, or that runs as
        root; else as ``run_once`` does.
        """
        ...


class Host(HostReader, Protocol):
    """Creating something whose name is taken raises ConflictError; removing what is gone is no error."""

    def load_image(self, stream: Iterable[bytes]) -> None: ...

    def create_network(self, spec: NetworkSpec) -> None: ...

    def remove_network(self, name: str) -> None: ...

    def create_volume(self, spec: VolumeSpec) -> None: ...

    def remove_volume(self, name: str) -> None: ...

    def create_container(self, spec: ContainerSpec) -> None:
        """Created with all its attachments, not started."""
        ...

    def start_container(self, name: str) -> None: ...

    def stop_container(self, name: str, grace: timedelta) -> None:
        """SIGTERM, then SIGKILL after ``grace``. A stopped container is no error."""
        ...

    def remove_container(self, name: str) -> None:
        """Remove by force."""
        ...

    def connect(
        self, network: str, container: str, *, address: str | None, aliases: Sequence[str]
    ) -> None: ...

    def disconnect(self, network: str, container: str) -> None: ...

    def put_files(self, container: str, directory: str, files: Sequence[FileSpec]) -> None:
        """Place files into a container's directory (created or running)."""
        ...

    def execute(self, container: str, argv: Sequence[str], deadline: timedelta) -> ExecResult:
        """Run a command in a running container to its end.

        Raises DeadlineError when it has not ended in time; cut output is never returned as whole.
        """
        ...

    def run_once(
        self, spec: ContainerSpec, stdin: bytes, deadline: timedelta
    ) -> Generator[bytes, None, None]:
        """Run a one-shot container to its end, giving its standard output line by line; then remove it.

        It starts with the first line asked for and ends when the generator is closed. It must know the
        length of its input, which does not end, and read it before it writes much. A left-over
        container of the same name is removed first. Raises DeadlineError, UnreachableError when the
        output may be cut, RejectedError with the tail of standard error for a non-zero exit (after all
        lines were given).
        """
        ...
