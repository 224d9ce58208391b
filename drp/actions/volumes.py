"""Volumes of a host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from drp.actions.action import Action, Call, Observation, ReadPorts, WritePorts
from drp.actions.build import volume_helper
from drp.actions.jobs import run_job
from drp.actions.networks import NamedParams
from drp.actions.ownership import check_ours
from drp.engine.tasks import Absent, Present
from drp.model.names import Instance, ServiceRole
from drp.model.specs import VolumeSpec
from drp.model.values import JsonMap
from drp.ports.helpers import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeParams:
    host: str
    spec: VolumeSpec


class CreateVolume(Action[VolumeParams]):
    """Make one empty volume. A new attempt or epoch never reuses one."""

    name: ClassVar[str] = "volume.create"
    params = VolumeParams

    def observe(self, ports: ReadPorts, params: VolumeParams, call: Call) -> Observation:
        found = ports.host(params.host).find_volume(params.spec.name)
        if found is None:
            return Absent()
        check_ours("volume", params.host, params.spec.name, wanted=params.spec.labels, found=found)
        return Present()

    def apply(self, ports: WritePorts, params: VolumeParams, call: Call) -> JsonMap:
        ports.host(params.host).create_volume(params.spec)
        return {}

    def undo(self, ports: WritePorts, params: VolumeParams, call: Call) -> None:
        ports.host(params.host).remove_volume(params.spec.name)


class RemoveVolume(Action[NamedParams]):
    """Remove one volume with all its data."""

    name: ClassVar[str] = "volume.remove"
    params = NamedParams
    reversible: ClassVar[bool] = False

    def observe(self, ports: ReadPorts, params: NamedParams, call: Call) -> Observation:
        return Present() if ports.host(params.host).find_volume(params.name) is None else Absent()

    def apply(self, ports: WritePorts, params: NamedParams, call: Call) -> JsonMap:
        ports.host(params.host).remove_volume(params.name)
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareVolumeParams:
    host: str
    instance: str
    role: ServiceRole
    uid: int
    gid: int


class PrepareVolume(Action[PrepareVolumeParams]):
    """Give an empty volume its owner, and a marker: an engine resets the owner of a volume that is empty."""

    name: ClassVar[str] = "volume.prepare"
    params = PrepareVolumeParams

    def observe(self, ports: ReadPorts, params: PrepareVolumeParams, call: Call) -> Observation:
        return Absent()

    def apply(self, ports: WritePorts, params: PrepareVolumeParams, call: Call) -> JsonMap:
        path = "/volume"
        owner: JsonMap = {"uid": params.uid, "gid": params.gid}
        operations: list[JsonMap] = [
            {"op": "chown", "path": path, **owner},
            {"op": "chmod", "path": path, "mode": 0o700},
            {"op": "mark", "path": path, **owner},
        ]
        spec = volume_helper(ports.inventory, Instance.parse(params.instance), params.role, path)
        return run_job(
            ports, params.host, spec, Job(kind="files", params={"operations": [*operations]}), call=call
        )

    def undo(self, ports: WritePorts, params: PrepareVolumeParams, call: Call) -> None:
        spec = volume_helper(ports.inventory, Instance.parse(params.instance), params.role, "/volume")
        ports.host(params.host).remove_container(spec.name)
