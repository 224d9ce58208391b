"""Secret files in the host's tmpfs: delivered before a container starts, gone with the power."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from drp.actions.action import Action, Call, Observation, ReadPorts, WritePorts
from drp.actions.build import secrets_helper
from drp.actions.delivery import secret_files
from drp.actions.jobs import run_job
from drp.engine.tasks import Absent, Partial, Present
from drp.errors import VerificationError
from drp.model.names import SECRETS_ROOT, Instance, ServiceRole
from drp.model.specs import FileSpec
from drp.model.values import Json, JsonMap
from drp.ports.helpers import Job

_INSIDE = "/run/secrets"


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryParams:
    """``owner`` an instance, or the name of a container that all tenants of the host share."""

    host: str
    owner: str
    tenant: str


def _files_job(operations: Sequence[JsonMap]) -> Job:
    listed: list[Json] = [*operations]
    return Job(kind="files", params={"operations": listed})


class PrepareSecrets(Action[DirectoryParams]):
    """Make the directory for the secret files of an instance, on tmpfs or not at all.

    That of a shared container lasts as long as the container does: other tenants' certificates are in it.
    """

    name: ClassVar[str] = "secrets.prepare"
    params = DirectoryParams

    def observe(self, ports: ReadPorts, params: DirectoryParams, call: Call) -> Observation:
        # no instance has the name of a container; what runs was started with its directory
        found = ports.host(params.host).find_container(params.owner)
        return Present() if found is not None and found.running else Absent()

    def apply(self, ports: WritePorts, params: DirectoryParams, call: Call) -> JsonMap:
        path = f"{SECRETS_ROOT}/{params.owner}"
        # the services' own directories are made by the engine when it binds them
        operations: list[JsonMap] = [
            {"op": "chmod", "path": SECRETS_ROOT, "mode": 0o711},
            {"op": "mkdir", "path": path},
            {"op": "chmod", "path": path, "mode": 0o711},
            {"op": "statfs", "path": path},
        ]
        return self._run(ports, params, operations, call=call)

    def verify(self, ports: ReadPorts, params: DirectoryParams, call: Call, outputs: JsonMap) -> None:
        found = outputs.get("statfs")
        kind = found.get(f"{SECRETS_ROOT}/{params.owner}") if isinstance(found, dict) else found
        if kind != "tmpfs":
            raise VerificationError(
                f"cannot keep secrets on '{params.host}': {SECRETS_ROOT} is {kind}, not tmpfs",
                hint=f"Mount a tmpfs at /run on '{params.host}', then run the command again.",
                page="I2",
            )

    def undo(self, ports: WritePorts, params: DirectoryParams, call: Call) -> None:
        if ports.host(params.host).find_container(params.owner) is not None:
            return
        self._run(ports, params, [{"op": "remove", "path": f"{SECRETS_ROOT}/{params.owner}"}], call=call)

    @staticmethod
    def _run(
        ports: WritePorts, params: DirectoryParams, operations: Sequence[JsonMap], *, call: Call
    ) -> JsonMap:
        spec = secrets_helper(ports.inventory, params.owner, tenant=params.tenant)
        return run_job(ports, params.host, spec, _files_job(operations), call=call)


class RemoveSecrets(PrepareSecrets):
    """Remove all secret files of an instance from a host."""

    name: ClassVar[str] = "secrets.remove"
    reversible: ClassVar[bool] = False

    def observe(self, ports: ReadPorts, params: DirectoryParams, call: Call) -> Observation:
        return Absent()

    def apply(self, ports: WritePorts, params: DirectoryParams, call: Call) -> JsonMap:
        return self._run(
            ports, params, [{"op": "remove", "path": f"{SECRETS_ROOT}/{params.owner}"}], call=call
        )

    def verify(self, ports: ReadPorts, params: DirectoryParams, call: Call, outputs: JsonMap) -> None:
        """The helper's own answer is the proof."""

    def undo(self, ports: WritePorts, params: DirectoryParams, call: Call) -> None:
        """For good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceParams:
    host: str
    instance: str
    role: ServiceRole


class PlaceSecrets(Action[ServiceParams]):
    """Deliver the secret files of one service into its created, not yet started container.

    They go with the directory that ``secrets.prepare`` made.
    """

    name: ClassVar[str] = "secrets.place"
    params = ServiceParams

    def observe(self, ports: ReadPorts, params: ServiceParams, call: Call) -> Observation:
        instance = Instance.parse(params.instance)
        host = ports.host(params.host)
        container = instance.container(params.role)
        if host.find_container(container) is None:
            return Absent()
        wanted = secret_files(ports, instance, params.role)
        right = [f for f in wanted if host.read_file(container, f"{_INSIDE}/{f.name}") == f.content.reveal()]
        if len(right) == len(wanted):
            return Present({"files": [f.name for f in wanted]})
        return Partial(f"{len(right)} of {len(wanted)} files") if right else Absent()

    def apply(self, ports: WritePorts, params: ServiceParams, call: Call) -> JsonMap:
        instance = Instance.parse(params.instance)
        files: tuple[FileSpec, ...] = secret_files(ports, instance, params.role)
        ports.host(params.host).put_files(instance.container(params.role), _INSIDE, files)
        return {"files": [f.name for f in files]}
