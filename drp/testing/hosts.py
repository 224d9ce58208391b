"""An engine in memory that obeys the contract of ``drp.ports.hosts.Host``.

Deterministic, quick, and copyable by ``copy.deepcopy`` (in the middle of a run as well). It does what
a real engine does where a caller can see it: an address belongs to a container only while that runs,
files under /run/drp outlive their container and die with the host, volumes outlive both.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from drp.errors import ConflictError, DeadlineError, DrpError, NotFoundError, RejectedError, UnreachableError
from drp.model.specs import Attachment, ContainerSpec, FileSpec, NetworkSpec, VolumeSpec
from drp.model.values import JsonMap
from drp.ports.hosts import ContainerState, ExecResult, HostState, NetworkState
from drp.providers.docker.translate import build_container, build_look
from drp.testing.failures import PowerCut, Scripted
from drp.testing.host_world import FakeContainer, FakeFile, FakeNetwork, FakeVolume, World, published

Command = Callable[["FakeHost", str, tuple[str, ...]], ExecResult]
"""Answers ``execute`` for an image: (host, container name, argv)."""

Program = Callable[["FakeHost", ContainerSpec, bytes], Iterable[bytes]]
"""Is a one-shot container of an image: (host, spec, stdin) -> lines; raises what the run ends with."""


class _Lock:
    """A lock that a deep copy gets anew."""

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *error: object) -> None:
        self._lock.release()

    def __deepcopy__(self, memo: object) -> _Lock:
        return _Lock()


class FakeHost(Scripted):
    """One host. ``world`` may be looked at and changed by tests; ``reachable`` False cuts it off."""

    def __init__(self, name: str, *, time: datetime = datetime(2031, 3, 4, tzinfo=UTC)) -> None:
        super().__init__()
        self.name = name
        self.time = time
        self.ahead = timedelta()
        """By how much the host's clock is wrong."""
        self.pools: tuple[str, ...] = ("172.17.0.0/16",)
        self.ground: JsonMap = {"free_bytes": 500 * 2**30, "total_bytes": 1000 * 2**30, "routes": []}
        """What only a program on the host sees, as the data plane's job ``survey`` tells it."""
        self.memory = 64 * 2**30
        self.cpus = 16
        self.reachable = True
        self.world = World()
        self.commands: dict[str, Command] = {}
        self.programs: dict[str, Program] = {}
        self.durations: dict[str, timedelta] = {}
        """How long an image's commands, one-shots and stops take (none: no time)."""
        self.told: dict[str, int] = {}
        """What the guard was told of take-overs."""
        self._lock = _Lock()

    # what only tests do

    def add_image(self, image: str, content: bytes = b"") -> None:
        """Put an image of that ID (sha256:…) on the host."""
        self.world.images[image] = content

    def crash(self, container: str, exit_code: int = 137) -> None:
        """A container's process ends by itself."""
        self._end(self._container(container), exit_code)

    def reboot(self) -> None:
        """Power lost and back: nothing runs, the host's tmpfs is empty, volumes are as they were."""
        for container in self.world.running():
            self._end(container, 255)
        self.world.tmpfs.clear()

    def dump(self) -> JsonMap:
        """Containers, networks, volumes and host tmpfs as JSON: names and digests, no ids, no contents."""
        return self.world.to_json()

    # looking

    def state(self) -> HostState:
        with self._answer("state"):
            return HostState(
                name=self.name,
                api_version="1.41",
                engine_version="20.10.24",
                time=self.time + self.ahead,
                memory=self.memory,
                cpus=self.cpus,
                pools=self.pools,
            )

    def has_image(self, image: str) -> bool:
        with self._answer("has_image"):
            return image in self.world.images

    def find_network(self, name: str) -> NetworkState | None:
        with self._answer("find_network"):
            network = self.world.networks.get(name)
            return None if network is None else _network_state(network)

    def find_volume(self, name: str) -> Mapping[str, str] | None:
        with self._answer("find_volume"):
            volume = self.world.volumes.get(name)
            return None if volume is None else dict(volume.labels)

    def find_container(self, name: str) -> ContainerState | None:
        with self._answer("find_container"):
            container = self.world.containers.get(name)
            return None if container is None else self._container_state(container)

    def networks(self) -> list[NetworkState]:
        with self._answer("networks"):
            return [_network_state(self.world.networks[name]) for name in sorted(self.world.networks)]

    def volumes(self, labels: Mapping[str, str]) -> list[str]:
        with self._answer("volumes"):
            found = self.world.volumes.items()
            return sorted(name for name, volume in found if labels.items() <= volume.labels.items())

    def containers(self, labels: Mapping[str, str]) -> list[ContainerState]:
        with self._answer("containers"):
            found = [self.world.containers[name] for name in sorted(self.world.containers)]
            return [self._container_state(c) for c in found if labels.items() <= c.spec.labels.items()]

    def save_image(self, image: str) -> Iterator[bytes]:
        with self._answer("save_image"):
            if image not in self.world.images:
                raise NotFoundError(f"cannot save image '{image}' of host '{self.name}': no such image")
            content = self.world.images[image]
            yield json.dumps({"image": image, "size": len(content)}).encode() + b"\n"
            yield content

    def read_file(self, container: str, path: str) -> bytes | None:
        with self._answer("read_file"):
            place = self.world.files_at(self._container(container), path)
            found = None if place is None else place[0].get(place[1])
            return None if found is None else found.content

    # images, networks, volumes

    def load_image(self, stream: Iterable[bytes]) -> None:
        with self._answer("load_image"):
            head, _, content = b"".join(stream).partition(b"\n")
            try:
                image, size = json.loads(head)["image"], json.loads(head)["size"]
            except ValueError as error:
                raise RejectedError(f"cannot load image to host '{self.name}': not an image") from error
            if len(content) != size:
                raise RejectedError(f"cannot load image '{image}' to host '{self.name}': unexpected end")
            self.world.images[image] = content

    def create_network(self, spec: NetworkSpec) -> None:
        with self._answer("create_network"):
            self.world.check_network(spec)
            self.world.networks[spec.name] = FakeNetwork(spec)

    def remove_network(self, name: str) -> None:
        with self._answer("remove_network"):
            network = self.world.networks.get(name)
            if network is not None and network.members:
                raise ConflictError(f"cannot remove network '{name}': in use by {', '.join(network.members)}")
            self.world.networks.pop(name, None)

    def create_volume(self, spec: VolumeSpec) -> None:
        with self._answer("create_volume"):
            if spec.name in self.world.volumes:
                raise ConflictError(f"cannot create volume '{spec.name}': the name is taken")
            self.world.volumes[spec.name] = FakeVolume(dict(spec.labels))

    def remove_volume(self, name: str) -> None:
        with self._answer("remove_volume"):
            user = self.world.find_user_of(name)
            if user is not None:
                raise ConflictError(f"cannot remove volume '{name}': in use by '{user}'")
            self.world.volumes.pop(name, None)

    # containers

    def create_container(self, spec: ContainerSpec) -> None:
        with self._answer("create_container"):
            self._create(spec)

    def start_container(self, name: str) -> None:
        with self._answer("start_container"):
            self._start(self._container(name))

    def stop_container(self, name: str, grace: timedelta) -> None:
        with self._answer("stop_container"):
            container = self._container(name)
            if container.status == "running":
                self._end(container, 137 if self._takes(container.spec) > grace else 0)

    def remove_container(self, name: str) -> None:
        with self._answer("remove_container"):
            self._remove(name)

    def connect(self, network: str, container: str, *, address: str | None, aliases: Sequence[str]) -> None:
        with self._answer("connect"):
            found = self._container(container)
            if network in found.attachments:
                raise ConflictError(f"cannot connect '{container}' to '{network}': it is connected")
            link = self._network(network)
            if found.status == "running":
                link.claim(container, address)
            found.attachments[network] = Attachment(network=network, address=address, aliases=tuple(aliases))

    def disconnect(self, network: str, container: str) -> None:
        with self._answer("disconnect"):
            found, link = self.world.containers.get(container), self.world.networks.get(network)
            if found is not None:
                found.attachments.pop(network, None)
            if link is not None:
                link.members.pop(container, None)

    def put_files(self, container: str, directory: str, files: Sequence[FileSpec]) -> None:
        with self._answer("put_files"):
            target = self._container(container)
            for file in files:
                place = self.world.files_at(target, f"{directory.rstrip('/')}/{file.name}")
                if place is None or place[2]:
                    raise RejectedError(f"cannot put files into '{container}': '{directory}' is read-only")
                place[0][place[1]] = FakeFile(file.content.reveal(), file.uid, file.gid, file.mode)

    def execute(self, container: str, argv: Sequence[str], deadline: timedelta) -> ExecResult:
        with self._answer("execute"):
            found = self._container(container)
            if found.status != "running":
                raise RejectedError(
                    f"cannot execute in '{container}' of host '{self.name}': it is not running"
                )
            if self._takes(found.spec) > deadline:
                raise DeadlineError(f"cannot execute in '{container}': no end within {deadline}")
            command = self.commands.get(found.spec.image)
            if command is None:
                return ExecResult(exit_code=127, output=f"{argv[0]}: not found")
            return command(self, container, tuple(argv))

    def run_once(
        self, spec: ContainerSpec, stdin: bytes, deadline: timedelta
    ) -> Generator[bytes, None, None]:
        # not locked between lines: whoever reads them may do other things meanwhile
        with self._call("run_once"), self.one_shot(spec, deadline):
            yield from self._program(spec)(self, spec, stdin)

    def look_once(
        self, spec: ContainerSpec, stdin: bytes, deadline: timedelta
    ) -> Generator[bytes, None, None]:
        build_look(spec)  # for its checks
        with self._call("look_once"), self.one_shot(spec, deadline):
            yield from self._program(spec)(self, spec, stdin)

    @contextlib.contextmanager
    def one_shot(self, spec: ContainerSpec, deadline: timedelta) -> Iterator[None]:
        """A running container of that spec for the time of the block; fails as ``run_once`` does.

        Where the power is cut within the block, it is left behind.
        """
        with self._lock:
            self._check_reachable()
            self._remove(spec.name)
            self._create(spec)
        try:
            with self._lock:
                self._start(self._container(spec.name))
            if self._takes(spec) > deadline:
                raise DeadlineError(f"cannot run '{spec.name}' on '{self.name}': no end within {deadline}")
            yield
        except PowerCut:
            raise
        except BaseException:
            with self._lock:
                self._remove(spec.name)
            raise
        with self._lock:
            self._remove(spec.name)

    @contextlib.contextmanager
    def standing_still(self) -> Iterator[None]:
        """Nobody else changes the host for the time of the block."""
        with self._lock:
            yield

    # inside

    @contextlib.contextmanager
    def _answer(self, method: str) -> Iterator[None]:
        with self._lock:
            self._check_reachable()
            with self._call(method):
                yield

    def _check_reachable(self) -> None:
        if not self.reachable:
            raise UnreachableError(f"cannot reach host '{self.name}': no route to host")

    def _takes(self, spec: ContainerSpec) -> timedelta:
        return self.durations.get(spec.image, timedelta())

    def _program(self, spec: ContainerSpec) -> Program:
        if spec.image not in self.programs:
            raise RejectedError(f"cannot run '{spec.name}' on host '{self.name}': exit code 127")
        return self.programs[spec.image]

    def _container(self, name: str) -> FakeContainer:
        found = self.world.containers.get(name)
        if found is None:
            raise NotFoundError(f"cannot find container '{name}' on host '{self.name}': no such container")
        return found

    def _network(self, name: str) -> FakeNetwork:
        found = self.world.networks.get(name)
        if found is None:
            raise NotFoundError(f"cannot find network '{name}' on host '{self.name}': no such network")
        return found

    def _create(self, spec: ContainerSpec) -> None:
        build_container(spec)  # for its checks: what no engine is asked for, this one refuses too
        if spec.name in self.world.containers:
            raise ConflictError(f"cannot create container '{spec.name}': the name is taken")
        self._check_image(spec)
        for link in spec.attachments:
            self._network(link.network)
        for mount in spec.mounts:
            if mount.volume is not None and mount.volume not in self.world.volumes:
                raise NotFoundError(f"cannot create container '{spec.name}': no volume '{mount.volume}'")
        self.world.containers[spec.name] = FakeContainer(
            spec=replace(spec),
            id=self.world.next_id(f"{self.name} {spec.name}"),
            attachments={link.network: link for link in spec.attachments},
        )

    def _check_image(self, spec: ContainerSpec) -> None:
        if spec.image not in self.world.images:
            raise NotFoundError(f"cannot create container '{spec.name}': no image '{spec.image}'")

    def _start(self, container: FakeContainer) -> None:
        if container.status == "running":
            return
        self._check_image(container.spec)
        if container.spec.join:
            self.world.check_joined(container.spec)
        self.world.check_ports(container.spec)
        links = [(self._network(name), link.address) for name, link in container.attachments.items()]
        try:
            # fixed addresses first, so that none is given away to a link that takes any
            for network, address in sorted(links, key=lambda item: item[1] is None):
                network.claim(container.spec.name, address)
        except DrpError:
            self._leave(container)
            raise
        container.status, container.exit_code = "running", 0

    def _leave(self, container: FakeContainer) -> None:
        for network in self.world.networks.values():
            network.members.pop(container.spec.name, None)

    def _end(self, container: FakeContainer, exit_code: int) -> None:
        self._leave(container)
        container.status, container.exit_code = "exited", exit_code

    def _remove(self, name: str) -> None:
        container = self.world.containers.pop(name, None)
        if container is not None:
            self._leave(container)

    def _container_state(self, container: FakeContainer) -> ContainerState:
        links = {name: self.world.networks.get(name) for name in container.attachments}
        name = container.spec.name
        return ContainerState(
            name=container.spec.name,
            id=container.id,
            image=container.spec.image,
            status=container.status,
            exit_code=container.exit_code,
            labels=dict(container.spec.labels),
            networks={network: link.members.get(name, "") if link else "" for network, link in links.items()},
            published=published(container.spec) if container.status == "running" else (),
            spec_digest=container.digest,
        )


def _network_state(network: FakeNetwork) -> NetworkState:
    return NetworkState(
        name=network.spec.name,
        subnet=str(ipaddress.ip_network(network.spec.subnet)),
        bridge=network.spec.bridge,
        internal=network.spec.internal,
        host_address=network.spec.host_address,
        labels=dict(network.spec.labels),
        members=dict(network.members),
    )
