"""The bubbles of drills: what is left of one, and its removal, whatever its run says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from drp.actions.action import Action, Call, Observation, ReadPorts, WritePorts
from drp.actions.build import secrets_helper
from drp.actions.checks import Check
from drp.actions.containers import RemoveContainer
from drp.actions.jobs import run_job
from drp.actions.networks import RemoveNetwork
from drp.actions.secrets import RemoveSecrets
from drp.actions.volumes import RemoveVolume
from drp.engine.tasks import Absent, Present
from drp.errors import BugError, VerificationError
from drp.model.names import SECRETS_ROOT, Instance, is_drill
from drp.model.values import Json, JsonMap
from drp.ports.helpers import Job
from drp.ports.hosts import ContainerState, HostReader

_INSTANCE = "drp.instance"
_DRILL = "-drill-"
_HELPER = "-helper-"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Bubble:
    """A drill's instance of which something stands on a host. ``began``: as its labels say, None: they do
    not."""

    host: str
    instance: str
    began: datetime | None

    @property
    def tenant(self) -> str:
        return Instance.parse(self.instance).tenant

    def is_of(self, run: str) -> bool:
        """Whether that run made it."""
        return self.instance.endswith(run.rpartition("-")[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """Names of what is left of an instance on a host, helpers apart from containers."""

    containers: tuple[str, ...]
    helpers: tuple[str, ...]
    networks: tuple[str, ...]
    volumes: tuple[str, ...]

    def to_json(self) -> JsonMap:
        return {
            "containers": len(self.containers) + len(self.helpers),
            "networks": len(self.networks),
            "volumes": len(self.volumes),
        }

    def names(self) -> list[str]:
        return [*self.containers, *self.helpers, *self.networks, *self.volumes]


def find_remains(reader: HostReader, instance: Instance) -> Remains:
    """By labels, and by name for helpers: they carry their tenant's label only. Errors: those of the port."""
    labels = {_INSTANCE: str(instance)}
    return Remains(
        containers=tuple(sorted(found.name for found in reader.containers(labels))),
        helpers=tuple(sorted(found.name for found in find_helpers(reader, instance))),
        networks=tuple(sorted(n.name for n in reader.networks() if n.labels.get(_INSTANCE) == str(instance))),
        volumes=tuple(sorted(reader.volumes(labels))),
    )


def find_helpers(reader: HostReader, instance: Instance) -> list[ContainerState]:
    """Helpers of this instance, running or not."""
    found = reader.containers({"drp.tenant": instance.tenant, "drp.role": "helper"})
    return [each for each in found if each.name.startswith(instance.helper(""))]


def find_bubbles(host: str, reader: HostReader) -> list[Bubble]:
    """All drills of which something stands on the host, however little. Errors: those of the port."""
    containers = reader.containers({})
    names = {c.labels.get(_INSTANCE, "") for c in containers}
    names |= {network.labels.get(_INSTANCE, "") for network in reader.networks()}
    # helpers carry no instance, and a volume tells its labels only when it is asked for by name
    names |= {c.name.partition(_HELPER)[0] for c in containers if c.labels.get("drp.role") == "helper"}
    maybe = [name for name in reader.volumes({}) if _DRILL in name]
    names |= {(reader.find_volume(name) or {}).get(_INSTANCE, "") for name in maybe}
    drills = [Instance.parse(name) for name in sorted(names) if is_drill(name)]
    return [Bubble(host=host, instance=str(each), began=each.began) for each in drills]


def burst(ports: WritePorts, bubble: Bubble, *, call: Call) -> list[str]:
    """Remove all that is left of it, one change after the other; names of what it was. Errors: the ports'.

    It needs no journal: a call that was cut short leaves a smaller bubble to the next.
    """
    return [_remove(ports, action, params, call) for action, params in _removals(ports, bubble)]


def _removals(ports: WritePorts, bubble: Bubble) -> Iterator[tuple[Action, JsonMap]]:  # type: ignore[type-arg]
    found = find_remains(ports.host(bubble.host), Instance.parse(bubble.instance))
    for name in (*found.helpers, *found.containers):
        yield RemoveContainer(), {"host": bubble.host, "name": name}
    yield RemoveSecrets(), {"host": bubble.host, "owner": bubble.instance, "tenant": bubble.tenant}
    for name in found.volumes:
        yield RemoveVolume(), {"host": bubble.host, "name": name}
    for name in found.networks:
        yield RemoveNetwork(), {"host": bubble.host, "name": name}


def _remove(ports: WritePorts, action: Action, params: JsonMap, call: Call) -> str:  # type: ignore[type-arg]
    typed = action.params(**params)
    outputs = action.apply(ports, typed, call)
    action.verify(ports, typed, call, outputs)
    return str(params.get("name", "secrets"))


@dataclass(frozen=True, slots=True, kw_only=True)
class BubbleParams:
    host: str
    instance: str


class RemoveHelpers(Action[BubbleParams]):
    """Remove the helpers that a killed run of a drill left behind. A drill's instance only."""

    name: ClassVar[str] = "bubble.helpers"
    params = BubbleParams
    reversible: ClassVar[bool] = False

    def observe(self, ports: ReadPorts, params: BubbleParams, call: Call) -> Observation:
        found = find_helpers(ports.host(params.host), _require_drill(params))
        return Absent() if found else Present()

    def apply(self, ports: WritePorts, params: BubbleParams, call: Call) -> JsonMap:
        host = ports.host(params.host)
        found = find_helpers(host, _require_drill(params))
        for helper in found:
            host.remove_container(helper.name)
        return {"removed": len(found)}


class CheckAlone(Check):
    """Nobody but its own services stands on a bubble's links: the way to the store went with the helper."""

    name: ClassVar[str] = "bubble.alone"
    params = BubbleParams

    def apply(self, ports: WritePorts, params: BubbleParams, call: Call) -> JsonMap:
        instance, host = _require_drill(params), ports.host(params.host)
        remains = find_remains(host, instance)
        members = {name for n in host.networks() if n.name in remains.networks for name in n.members}
        strangers = sorted({*remains.helpers, *(members - {*remains.containers})})
        if strangers:
            raise VerificationError(
                f"cannot let '{instance}' run: {', '.join(strangers)} is still on its links", page="I7"
            )
        open_links = [n.name for n in host.networks() if n.name in remains.networks and not n.internal]
        if open_links:
            raise VerificationError(
                f"cannot let '{instance}' run: link '{open_links[0]}' has a way out", page="I7"
            )
        return {"members": len(members), "links": len(remains.networks)}


class CheckGone(Check):
    """Nothing of a bubble is left on its host: containers, links, volumes, files in its tmpfs, routes."""

    name: ClassVar[str] = "bubble.gone"
    params = BubbleParams

    def apply(self, ports: WritePorts, params: BubbleParams, call: Call) -> JsonMap:
        instance, host = _require_drill(params), ports.host(params.host)
        # first, for it takes away its own helper that a killed run left here
        files = look_at_secrets(ports, params.host, instance, call=call)
        found = find_remains(host, instance)
        routes = [name for name, route in _routes(ports, params.host) if route == str(instance)]
        left = [*found.names(), *routes, *([f"{SECRETS_ROOT}/{instance}"] if files else [])]
        if left:
            raise VerificationError(
                f"cannot clean up '{instance}': {', '.join(left)} is left on '{params.host}'", page="J6"
            )
        return {**found.to_json(), "routes": len(routes), "files": files}


def _require_drill(params: BubbleParams) -> Instance:
    instance = Instance.parse(params.instance)
    if not instance.is_drill:
        raise BugError(f"cannot treat '{instance}' as a bubble: it is no drill")
    return instance


def _routes(ports: ReadPorts | WritePorts, host: str) -> list[tuple[str, str]]:
    """Names that the host's edge routes, with the instances they lead to."""
    return [(name, route.owner) for name, route in ports.edge(host).routes().items()]


def look_at_secrets(ports: WritePorts, host: str, instance: Instance, *, call: Call) -> int:
    """1 when the host's tmpfs holds a directory of the instance, else 0."""
    path = f"{SECRETS_ROOT}/{instance}"
    operations: list[Json] = [{"op": "stat", "path": path}]
    spec = secrets_helper(ports.inventory, str(instance), tenant=instance.tenant)
    answer = run_job(ports, host, spec, Job(kind="files", params={"operations": operations}), call=call)
    told = answer.get("stat")
    return 1 if isinstance(told, dict) and told.get(path) is not None else 0
