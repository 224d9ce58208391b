"""Looks that must be well before anything begins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from drp.actions.action import Action, Call, Observation, ReadPorts, WritePorts
from drp.actions.dns import AgreedParams
from drp.actions.drained import DrainedParams, check_drained
from drp.actions.freeze import check_freeze, find_held_s
from drp.engine.tasks import Absent
from drp.errors import VerificationError
from drp.model.names import EDGE
from drp.model.values import JsonMap
from drp.ports.hosts import HostState

CLOCK_SKEW = timedelta(seconds=2)
"""Planned runs stop at this difference between an engine's clock and ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockReading:
    """An engine's state, and how far its clock is ahead of ours (``offset``), give or take ``error``."""

    state: HostState
    offset: timedelta
    error: timedelta

    @property
    def surely_off(self) -> timedelta:
        """The least by which it is wrong, whenever in the call the engine looked at its clock."""
        return max(timedelta(0), abs(self.offset) - self.error)


def read_clock(ports: ReadPorts | WritePorts, host: str) -> ClockReading:
    """Ask the engine for its time and for what it tells of itself. Errors: those of the port."""
    port = ports.host(host)
    before = ports.clock.now()
    state = port.state()
    half = (ports.clock.now() - before) / 2
    return ClockReading(state=state, offset=state.time - before - half, error=half)


class Check(Action):  # type: ignore[type-arg]
    """A look: done again each time it is asked for, with nothing to take back."""

    read_only: ClassVar[bool] = True

    def observe(self, ports: ReadPorts, params: object, call: Call) -> Observation:
        return Absent()


@dataclass(frozen=True, slots=True, kw_only=True)
class HostParams:
    host: str


class CheckHost(Check):
    """An engine answers, and its clock is ours."""

    name: ClassVar[str] = "check.host"
    params = HostParams

    def apply(self, ports: WritePorts, params: HostParams, call: Call) -> JsonMap:
        reading = read_clock(ports, params.host)
        off_s = reading.surely_off.total_seconds()
        if reading.surely_off >= CLOCK_SKEW:
            raise VerificationError(
                f"cannot use host '{params.host}': its clock is {off_s:.1f} s off",
                hint=f"Repair the time service of '{params.host}', then run the command again.",
                page="B9",
            )
        return {"engine": reading.state.engine_version, "api": reading.state.api_version}


class CheckEdge(Check):
    """The edge of a host runs and tells its routes."""

    name: ClassVar[str] = "check.edge"
    params = HostParams

    def apply(self, ports: WritePorts, params: HostParams, call: Call) -> JsonMap:
        found = ports.host(params.host).find_container(EDGE)
        if found is None or not found.running:
            raise VerificationError(f"cannot use host '{params.host}': its edge does not run")
        return {"routes": len(ports.edge(params.host).routes())}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreParams:
    store: str


class CheckStore(Check):
    """A store answers to our credentials."""

    name: ClassVar[str] = "check.store"
    params = StoreParams

    def apply(self, ports: WritePorts, params: StoreParams, call: Call) -> JsonMap:
        return {"objects": len(ports.store(params.store).list("epochs/"))}


class CheckNames(Check):
    """A name is what the plan says, at every authoritative server, before anything is changed."""

    name: ClassVar[str] = "check.dns"
    params = AgreedParams

    def apply(self, ports: WritePorts, params: AgreedParams, call: Call) -> JsonMap:
        for server in ports.dns().servers():
            found = ports.dns().ask(server, params.name, params.type)
            values = () if found is None else tuple(sorted(found.values))
            if values != tuple(sorted(params.values)):
                raise VerificationError(
                    f"cannot move '{params.name}': {server} answers {', '.join(values) or 'nothing'}, "
                    f"planned {', '.join(params.values)}",
                    hint="Repair the record or the server, then plan again.",
                    page="A9",
                )
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceParams:
    """``containers``: those of the source's instance, which must all run."""

    host: str
    containers: tuple[str, ...]


class CheckSource(Check):
    """Every container of the source runs."""

    name: ClassVar[str] = "check.source"
    params = SourceParams

    def apply(self, ports: WritePorts, params: SourceParams, call: Call) -> JsonMap:
        for name in params.containers:
            found = ports.host(params.host).find_container(name)
            if found is None or not found.running:
                word = "is gone" if found is None else f"is {found.status}"
                raise VerificationError(f"cannot move from '{params.host}': container '{name}' {word}")
        return {}


class CheckDrained(Check):
    """The stack to be removed serves nobody: another epoch does, and no request has come for long enough."""

    name: ClassVar[str] = "check.drained"
    params = DrainedParams

    def apply(self, ports: WritePorts, params: DrainedParams, call: Call) -> JsonMap:
        return {"drained_at": check_drained(ports, params).isoformat()}


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeParams:
    """``limit_s``: seconds writes may be held; ``holds``: ids of the steps that held them."""

    tenant: str
    limit_s: float
    holds: tuple[str, ...]


class CheckFreeze(Check):
    """Writes have not been held longer than the tenant allows."""

    name: ClassVar[str] = "check.freeze"
    params = FreezeParams

    def apply(self, ports: WritePorts, params: FreezeParams, call: Call) -> JsonMap:
        held_s = find_held_s(ports, params.holds, call)
        check_freeze(params.tenant, held_s=held_s, limit_s=params.limit_s)
        return {"held_s": round(held_s, 3)}
