"""Networks of a host, and who is on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from drp.actions.action import Action, Call, Observation, ReadPorts, WritePorts
from drp.actions.ownership import check_ours
from drp.engine.tasks import Absent, Present
from drp.errors import VerificationError
from drp.model.specs import NetworkSpec
from drp.model.values import JsonMap


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkParams:
    host: str
    spec: NetworkSpec


class CreateNetwork(Action[NetworkParams]):
    """Make one link. Errors: ConflictError when a foreign network has the name."""

    name: ClassVar[str] = "network.create"
    params = NetworkParams

    def observe(self, ports: ReadPorts, params: NetworkParams, call: Call) -> Observation:
        found = ports.host(params.host).find_network(params.spec.name)
        if found is None:
            return Absent()
        check_ours("network", params.host, params.spec.name, wanted=params.spec.labels, found=found.labels)
        return Present({"subnet": found.subnet})

    def apply(self, ports: WritePorts, params: NetworkParams, call: Call) -> JsonMap:
        ports.host(params.host).create_network(params.spec)
        return {"subnet": params.spec.subnet}

    def verify(self, ports: ReadPorts, params: NetworkParams, call: Call, outputs: JsonMap) -> None:
        found = ports.host(params.host).find_network(params.spec.name)
        if found is None or found.subnet != params.spec.subnet or found.internal != params.spec.internal:
            raise VerificationError(
                f"cannot create network '{params.spec.name}': on '{params.host}' it is not as asked"
            )

    def undo(self, ports: WritePorts, params: NetworkParams, call: Call) -> None:
        ports.host(params.host).remove_network(params.spec.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedParams:
    host: str
    name: str


class RemoveNetwork(Action[NamedParams]):
    """Remove one network."""

    name: ClassVar[str] = "network.remove"
    params = NamedParams
    reversible: ClassVar[bool] = False

    def observe(self, ports: ReadPorts, params: NamedParams, call: Call) -> Observation:
        return Present() if ports.host(params.host).find_network(params.name) is None else Absent()

    def apply(self, ports: WritePorts, params: NamedParams, call: Call) -> JsonMap:
        ports.host(params.host).remove_network(params.name)
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberParams:
    """A container's place on a network. ``address`` is fixed by the plan."""

    host: str
    network: str
    container: str
    address: str
    aliases: tuple[str, ...] = ()


def _is_member(ports: ReadPorts, params: MemberParams) -> bool:
    found = ports.host(params.host).find_container(params.container)
    return found is not None and params.network in found.networks


class Connect(Action[MemberParams]):
    """Put a container on a network."""

    name: ClassVar[str] = "network.connect"
    params = MemberParams

    def observe(self, ports: ReadPorts, params: MemberParams, call: Call) -> Observation:
        return Present() if _is_member(ports, params) else Absent()

    def apply(self, ports: WritePorts, params: MemberParams, call: Call) -> JsonMap:
        host = ports.host(params.host)
        host.connect(params.network, params.container, address=params.address, aliases=params.aliases)
        return {}

    def undo(self, ports: WritePorts, params: MemberParams, call: Call) -> None:
        if _is_member(ports, params):
            ports.host(params.host).disconnect(params.network, params.container)


class Disconnect(Action[MemberParams]):
    """Take a container off a network: no packet of it arrives any more. Undo puts it back where it was."""

    name: ClassVar[str] = "network.disconnect"
    params = MemberParams

    def observe(self, ports: ReadPorts, params: MemberParams, call: Call) -> Observation:
        return Absent() if _is_member(ports, params) else Present()

    def apply(self, ports: WritePorts, params: MemberParams, call: Call) -> JsonMap:
        ports.host(params.host).disconnect(params.network, params.container)
        return {}

    def verify(self, ports: ReadPorts, params: MemberParams, call: Call, outputs: JsonMap) -> None:
        if _is_member(ports, params):
            raise VerificationError(
                f"cannot detach '{params.container}': it is still on network '{params.network}'"
            )

    def undo(self, ports: WritePorts, params: MemberParams, call: Call) -> None:
        host = ports.host(params.host)
        if not _is_member(ports, params) and host.find_container(params.container) is not None:
            host.connect(params.network, params.container, address=params.address, aliases=params.aliases)


class Unplug(Disconnect):
    """Take a container off a network for good (retiring)."""

    name: ClassVar[str] = "network.unplug"
    reversible: ClassVar[bool] = False

    def undo(self, ports: WritePorts, params: MemberParams, call: Call) -> None:
        """For good: nothing is put back."""
