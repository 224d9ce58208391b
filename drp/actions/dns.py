"""Records of the tenants' names."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ClassVar

from drp.actions.action import Action, Call, Observation, ReadPorts, WritePorts
from drp.engine.tasks import Absent, Present
from drp.errors import ConflictError, DeadlineError
from drp.model.values import JsonMap
from drp.ports.dns import DnsReader, RecordSet

_POLL = timedelta(seconds=0.2)


@dataclass(frozen=True, slots=True, kw_only=True)
class TtlParams:
    """Seconds; ``ttl`` while the name moves, ``usual`` before and after."""

    name: str
    type: str
    ttl: int
    usual: int


class SetTtl(Action[TtlParams]):
    """Change the TTL of a record set and nothing else."""

    name: ClassVar[str] = "dns.ttl"
    params = TtlParams

    def observe(self, ports: ReadPorts, params: TtlParams, call: Call) -> Observation:
        return Present() if self._require(ports, params).ttl == params.ttl else Absent()

    def apply(self, ports: WritePorts, params: TtlParams, call: Call) -> JsonMap:
        found = self._require(ports, params)
        ports.dns().replace(found, replace(found, ttl=params.ttl))
        return {"was": found.ttl}

    def undo(self, ports: WritePorts, params: TtlParams, call: Call) -> None:
        found = self._require(ports, params)
        if found.ttl != params.usual:
            ports.dns().replace(found, replace(found, ttl=params.usual))

    @staticmethod
    def _require(ports: ReadPorts | WritePorts, params: TtlParams) -> RecordSet:
        found = ports.dns().find(params.name, params.type)
        if found is None:
            raise ConflictError(f"cannot change the TTL of '{params.name}': it has no {params.type} record")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchParams:
    """``old`` the values that must be there now, ``new`` those to be put there; empty means no records."""

    name: str
    type: str
    old: tuple[str, ...]
    new: tuple[str, ...]
    ttl: int


class Switch(Action[SwitchParams]):
    """Compare and set one record set. Errors: ConflictError when it holds something else."""

    name: ClassVar[str] = "dns.switch"
    params = SwitchParams

    def observe(self, ports: ReadPorts, params: SwitchParams, call: Call) -> Observation:
        return Present() if _values(ports.dns(), params) == params.new else Absent()

    def moved(self, ports: ReadPorts, params: SwitchParams) -> str:
        found = _values(ports.dns(), params)
        if found in (params.old, params.new):
            return ""
        return f"{params.name} is {', '.join(found) or 'absent'}, planned {', '.join(params.old) or 'absent'}"

    def apply(self, ports: WritePorts, params: SwitchParams, call: Call) -> JsonMap:
        self._set(ports, params, old=params.old, new=params.new)
        return {"from": [*params.old], "to": [*params.new]}

    def undo(self, ports: WritePorts, params: SwitchParams, call: Call) -> None:
        if _values(ports.dns(), params) == params.new:
            self._set(ports, params, old=params.new, new=params.old)

    @staticmethod
    def _set(ports: WritePorts, params: SwitchParams, *, old: tuple[str, ...], new: tuple[str, ...]) -> None:
        found = _values(ports.dns(), params)
        if found != old:
            raise refuse_switch(params.name, found=found, planned=old)
        ports.dns().replace(records_of(params, old), records_of(params, new))


def refuse_switch(name: str, *, found: tuple[str, ...], planned: tuple[str, ...]) -> ConflictError:
    """Why a name is left alone that holds something else than what was planned from."""
    return ConflictError(
        f"cannot switch '{name}': it is {', '.join(found) or 'absent'}, "
        f"planned {', '.join(planned) or 'absent'}",
        page="A9",
    )


def records_of(params: SwitchParams, values: tuple[str, ...]) -> RecordSet | None:
    """The name's records when it holds these values; None for no values."""
    if not values:
        return None
    return RecordSet(name=params.name, type=params.type, ttl=params.ttl, values=values)


def _values(dns: DnsReader, params: SwitchParams) -> tuple[str, ...]:
    found = dns.find(params.name, params.type)
    return () if found is None else tuple(sorted(found.values))


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreedParams:
    """``ttl`` None: any."""

    name: str
    type: str
    values: tuple[str, ...]
    ttl: int | None = None


class Agreed(Action[AgreedParams]):
    """Wait until every authoritative server gives the same answer. Outputs: the answer of each server."""

    name: ClassVar[str] = "dns.agreed"
    params = AgreedParams
    read_only: ClassVar[bool] = True

    def observe(self, ports: ReadPorts, params: AgreedParams, call: Call) -> Observation:
        wrong = self._wrong(ports.dns(), params)
        return (
            Absent() if wrong else Present({"servers": {s: [*params.values] for s in ports.dns().servers()}})
        )

    def apply(self, ports: WritePorts, params: AgreedParams, call: Call) -> JsonMap:
        ends = ports.clock.monotonic() + call.deadline_s
        while wrong := self._wrong(ports.dns(), params):
            if ports.clock.monotonic() >= ends:
                server, found = next(iter(wrong.items()))
                raise DeadlineError(
                    f"cannot see '{params.name}' as {', '.join(params.values)} everywhere: "
                    f"{server} still answers {found}",
                    page="G6",
                )
            ports.clock.wait(_POLL)
        return {"servers": {server: [*params.values] for server in ports.dns().servers()}}

    @staticmethod
    def _wrong(dns: DnsReader, params: AgreedParams) -> dict[str, str]:
        wrong = {}
        for server in dns.servers():
            found = dns.ask(server, params.name, params.type)
            values = () if found is None else tuple(sorted(found.values))
            ttl = None if found is None or params.ttl is None else found.ttl
            if values != tuple(sorted(params.values)) or ttl != params.ttl:
                wrong[server] = ", ".join(values) or "nothing"
        return wrong
