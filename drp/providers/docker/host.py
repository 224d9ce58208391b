"""A host by its Docker engine: the port ``drp.ports.hosts.Host``."""

from __future__ import annotations

import tarfile
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta

import docker.errors

from drp.errors import ConflictError, RejectedError
from drp.model.specs import Attachment, ContainerSpec, FileSpec, NetworkSpec, VolumeSpec
from drp.ports.hosts import ContainerState, ExecResult, HostState, NetworkState
from drp.providers.docker import archives, containers, images, states
from drp.providers.docker.engine import Engine
from drp.providers.docker.faults import translated
from drp.providers.docker.translate import build_look, build_network


class DockerHost:
    """One host. All errors are of ``drp.errors``; no call waits for ever."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.name = engine.host

    # looking

    def state(self) -> HostState:
        with translated(self.name, "ask the engine"):
            info = self._engine.look.info()
            return HostState(
                name=info["Name"],
                api_version=self._engine.version,
                engine_version=info["ServerVersion"],
                time=states.parse_time(info["SystemTime"]),
                memory=info["MemTotal"],
                cpus=info["NCPU"],
                pools=states.parse_pools(info),
            )

    def has_image(self, image: str) -> bool:
        with translated(self.name, f"look at image '{image}'"):
            try:
                found = self._engine.look.inspect_image(image)  # type: ignore[no-untyped-call]
                return bool(found["Id"] == image)
            except docker.errors.NotFound:
                return False

    def find_network(self, name: str) -> NetworkState | None:
        with translated(self.name, f"look at network '{name}'"):
            try:
                found = states.parse_network(self._engine.look.inspect_network(name))
            except docker.errors.NotFound:
                return None
            # the engine also finds by the beginning of an id
            return found if found.name == name else None

    def find_volume(self, name: str) -> Mapping[str, str] | None:
        with translated(self.name, f"look at volume '{name}'"):
            try:
                return dict(self._engine.look.inspect_volume(name)["Labels"] or {})
            except docker.errors.NotFound:
                return None

    def find_container(self, name: str) -> ContainerState | None:
        with translated(self.name, f"look at container '{name}'"):
            try:
                found = states.parse_container(self._engine.look.inspect_container(name))
            except docker.errors.NotFound:
                return None
            return found if found.name == name else None

    def networks(self) -> list[NetworkState]:
        with translated(self.name, "list networks"):
            names = sorted(network["Name"] for network in self._engine.look.networks())
        # a list of the engine does not tell the members
        return [found for found in map(self.find_network, names) if found is not None]

    def volumes(self, labels: Mapping[str, str]) -> list[str]:
        with translated(self.name, "list volumes"):
            found = self._engine.look.volumes(filters=_filters(labels))
            return sorted(volume["Name"] for volume in found["Volumes"] or [])

    def containers(self, labels: Mapping[str, str]) -> list[ContainerState]:
        with translated(self.name, "list containers"):
            found = self._engine.look.containers(all=True, filters=_filters(labels))
            names = sorted(_own_name(container["Names"]) for container in found)
        return [state for state in map(self.find_container, names) if state is not None]

    def save_image(self, image: str) -> Iterator[bytes]:
        return images.save(self._engine, image)

    def read_file(self, container: str, path: str) -> bytes | None:
        with translated(self.name, f"read '{path}' of '{container}'"):
            try:
                answer = self._engine.request(
                    "GET",
                    f"/containers/{container}/archive",
                    wait=self._engine.patience.change,
                    params={"path": path},
                )
                return archives.unpack_one(answer.content)
            except docker.errors.NotFound:
                self._engine.look.inspect_container(container)
                return None
            except tarfile.TarError as error:
                raise RejectedError(f"cannot read '{path}' of '{container}': {error}") from error

    def look_once(
        self, spec: ContainerSpec, stdin: bytes, deadline: timedelta
    ) -> Generator[bytes, None, None]:
        build_look(spec)  # for its checks, before the engine is asked for what the spec names
        return containers.run_once(self._engine, spec, stdin, deadline=deadline, shape=build_look)

    # images, networks, volumes

    def load_image(self, stream: Iterable[bytes]) -> None:
        images.load(self._engine, stream)

    def create_network(self, spec: NetworkSpec) -> None:
        with translated(self.name, f"create network '{spec.name}'"):
            wait = self._engine.patience.change
            self._engine.request("POST", "/networks/create", wait=wait, json=build_network(spec)).close()

    def remove_network(self, name: str) -> None:
        with translated(self.name, f"remove network '{name}'"):
            try:
                self._engine.change.remove_network(name)
            except docker.errors.NotFound:
                pass  # gone already

    def create_volume(self, spec: VolumeSpec) -> None:
        # the engine answers "created" for a volume that is there
        if self.find_volume(spec.name) is not None:
            raise ConflictError(
                f"cannot create volume '{spec.name}' on host '{self.name}': the name is taken"
            )
        with translated(self.name, f"create volume '{spec.name}'"):
            self._engine.change.create_volume(spec.name, driver="local", labels=dict(spec.labels))

    def remove_volume(self, name: str) -> None:
        with translated(self.name, f"remove volume '{name}'"):
            try:
                self._engine.change.remove_volume(name)
            except docker.errors.NotFound:
                pass  # gone already

    # containers

    def create_container(self, spec: ContainerSpec) -> None:
        with translated(self.name, f"create container '{spec.name}'"):
            containers.create(self._engine, spec)

    def start_container(self, name: str) -> None:
        with translated(self.name, f"start container '{name}'"):
            self._engine.change.start(name)

    def stop_container(self, name: str, grace: timedelta) -> None:
        with translated(self.name, f"stop container '{name}'"):
            containers.stop(self._engine, name, grace)

    def remove_container(self, name: str) -> None:
        with translated(self.name, f"remove container '{name}'"):
            containers.remove(self._engine.change, name)

    def connect(self, network: str, container: str, *, address: str | None, aliases: Sequence[str]) -> None:
        doing = f"connect container '{container}' to '{network}'"
        found = self.find_container(container)
        # for a container that does not run, the engine would put the new endpoint in the old one's place
        if found is not None and network in found.networks:
            raise ConflictError(f"cannot {doing} on host '{self.name}': it is connected")
        with translated(self.name, doing):
            link = Attachment(network=network, address=address, aliases=tuple(aliases))
            containers.connect(self._engine, container, link)

    def disconnect(self, network: str, container: str) -> None:
        found = self.find_container(container)
        if found is None or network not in found.networks:
            return
        with translated(self.name, f"disconnect container '{container}' from '{network}'"):
            self._engine.change.disconnect_container_from_network(container, network)

    def put_files(self, container: str, directory: str, files: Sequence[FileSpec]) -> None:
        with translated(self.name, f"put files into '{container}'"):
            self._engine.change.put_archive(container, directory, archives.pack(files))

    def execute(self, container: str, argv: Sequence[str], deadline: timedelta) -> ExecResult:
        with translated(self.name, f"execute '{argv[0]}' in '{container}'"):
            try:
                return containers.execute(self._engine, container, argv, deadline=deadline)
            except docker.errors.APIError as error:
                if error.status_code != 409:
                    raise
                message = f"cannot execute '{argv[0]}' in '{container}' on host '{self.name}': "
                raise RejectedError(f"{message}it is not running") from error

    def run_once(
        self, spec: ContainerSpec, stdin: bytes, deadline: timedelta
    ) -> Generator[bytes, None, None]:
        return containers.run_once(self._engine, spec, stdin, deadline=deadline)


def _filters(labels: Mapping[str, str]) -> dict[str, list[str]]:
    return {"label": [f"{key}={value}" for key, value in sorted(labels.items())]}


def _own_name(names: Sequence[str]) -> str:
    """A container's name among those it is linked by (they hold a second slash)."""
    return next(name.lstrip("/") for name in names if "/" not in name.lstrip("/"))
