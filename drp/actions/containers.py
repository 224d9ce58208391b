"""Containers of a host."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from drp.actions.action import Action, Call, Observation, ReadPorts, WritePorts
from drp.actions.networks import NamedParams
from drp.actions.ownership import check_ours
from drp.engine.tasks import Absent, Partial, Present
from drp.errors import VerificationError
from drp.model.specs import ContainerSpec
from drp.model.values import JsonMap
from drp.ports.hosts import ContainerState


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerParams:
    host: str
    spec: ContainerSpec


class CreateContainer(Action[ContainerParams]):
    """Make a container with all its attachments, not started."""

    name: ClassVar[str] = "container.create"
    params = ContainerParams

    def observe(self, ports: ReadPorts, params: ContainerParams, call: Call) -> Observation:
        found = ports.host(params.host).find_container(params.spec.name)
        if found is None:
            return Absent()
        check_ours("container", params.host, params.spec.name, wanted=params.spec.labels, found=found.labels)
        missing = {a.network for a in params.spec.attachments} - set(found.networks)
        if missing:
            return Partial(f"not yet on {', '.join(sorted(missing))}")
        return Present({"image": found.image})

    def apply(self, ports: WritePorts, params: ContainerParams, call: Call) -> JsonMap:
        host = ports.host(params.host)
        if host.find_container(params.spec.name) is not None:
            host.remove_container(params.spec.name)
        host.create_container(params.spec)
        return {"image": params.spec.image}

    def verify(self, ports: ReadPorts, params: ContainerParams, call: Call, outputs: JsonMap) -> None:
        found = ports.host(params.host).find_container(params.spec.name)
        if found is None or found.image != params.spec.image:
            raise VerificationError(
                f"cannot create container '{params.spec.name}': on '{params.host}' it is not as asked"
            )

    def undo(self, ports: WritePorts, params: ContainerParams, call: Call) -> None:
        ports.host(params.host).remove_container(params.spec.name)


class RemoveContainer(Action[NamedParams]):
    """Remove one container."""

    name: ClassVar[str] = "container.remove"
    params = NamedParams
    reversible: ClassVar[bool] = False

    def observe(self, ports: ReadPorts, params: NamedParams, call: Call) -> Observation:
        return Present() if ports.host(params.host).find_container(params.name) is None else Absent()

    def apply(self, ports: WritePorts, params: NamedParams, call: Call) -> JsonMap:
        ports.host(params.host).remove_container(params.name)
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningParams:
    """``grace_s``: seconds a service may take to end its requests in flight."""

    host: str
    name: str
    grace_s: float = 10.0


def _find(ports: ReadPorts | WritePorts, params: RunningParams) -> ContainerState | None:
    return ports.host(params.host).find_container(params.name)


class StartContainer(Action[RunningParams]):
    """Start one container."""

    name: ClassVar[str] = "container.start"
    params = RunningParams

    def observe(self, ports: ReadPorts, params: RunningParams, call: Call) -> Observation:
        found = _find(ports, params)
        return Present() if found is not None and found.running else Absent()

    def apply(self, ports: WritePorts, params: RunningParams, call: Call) -> JsonMap:
        ports.host(params.host).start_container(params.name)
        return {}

    def verify(self, ports: ReadPorts, params: RunningParams, call: Call, outputs: JsonMap) -> None:
        found = _find(ports, params)
        if found is None or not found.running:
            ended = "it is gone" if found is None else f"it ended with exit code {found.exit_code}"
            raise VerificationError(f"cannot start container '{params.name}' on '{params.host}': {ended}")

    def undo(self, ports: WritePorts, params: RunningParams, call: Call) -> None:
        if _find(ports, params) is not None:
            ports.host(params.host).stop_container(params.name, timedelta(seconds=params.grace_s))


class StopContainer(Action[RunningParams]):
    """Stop one container: SIGTERM, then SIGKILL after the grace. Undo starts it again."""

    name: ClassVar[str] = "container.stop"
    params = RunningParams

    def observe(self, ports: ReadPorts, params: RunningParams, call: Call) -> Observation:
        found = _find(ports, params)
        return Absent() if found is not None and found.running else Present()

    def apply(self, ports: WritePorts, params: RunningParams, call: Call) -> JsonMap:
        ports.host(params.host).stop_container(params.name, timedelta(seconds=params.grace_s))
        return {}

    def verify(self, ports: ReadPorts, params: RunningParams, call: Call, outputs: JsonMap) -> None:
        found = _find(ports, params)
        if found is not None and found.running:
            raise VerificationError(
                f"cannot stop container '{params.name}': on '{params.host}' it still runs"
            )

    def undo(self, ports: WritePorts, params: RunningParams, call: Call) -> None:
        found = _find(ports, params)
        if found is not None and not found.running:
            ports.host(params.host).start_container(params.name)


class HaltContainer(StopContainer):
    """Stop one container for good (retiring)."""

    name: ClassVar[str] = "container.halt"
    reversible: ClassVar[bool] = False

    def undo(self, ports: WritePorts, params: RunningParams, call: Call) -> None:
        """For good: it is not started again."""
