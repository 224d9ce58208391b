"""The names of many tenants at once: looked at for each tenant, switched together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from pydantic import TypeAdapter

from drp.actions.action import Action, Call, Observation, ReadPorts, WritePorts
from drp.actions.dns import SwitchParams, records_of, refuse_switch
from drp.engine.tasks import Absent, Partial, Present
from drp.model.values import Json, JsonMap
from drp.ports.dns import Change, DnsReader


@dataclass(frozen=True, slots=True, kw_only=True)
class NameChange:
    """``old`` the values that must be there now, ``new`` those to be put there; empty means no records."""

    name: str
    old: tuple[str, ...]
    new: tuple[str, ...]


_CHANGES: TypeAdapter[tuple[NameChange, ...]] = TypeAdapter(tuple[NameChange, ...])


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedParams:
    """All names of one tenant."""

    type: str
    names: tuple[NameChange, ...]


class CheckExpected(Action[ExpectedParams]):
    """Every name holds what was planned from, or what it shall hold; so a tenant's are switched all or none.

    Outputs: the names, for a switch of many tenants. Errors: ConflictError for one that holds something else.
    """

    name: ClassVar[str] = "dns.expected"
    params = ExpectedParams
    read_only: ClassVar[bool] = True

    def observe(self, ports: ReadPorts, params: ExpectedParams, call: Call) -> Observation:
        return Absent()

    def apply(self, ports: WritePorts, params: ExpectedParams, call: Call) -> JsonMap:
        found = _find_values(ports.dns(), params.type, params.names)
        for change, values in zip(params.names, found, strict=True):
            if values not in (change.old, change.new):
                raise refuse_switch(change.name, found=values, planned=change.old)
        return {"names": _CHANGES.dump_python(params.names, mode="json")}


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchAllParams:
    """``ready``: the steps that tell the names of one tenant each, in their outputs; ``ttl`` in seconds."""

    type: str
    ttl: int
    ready: tuple[str, ...]


class SwitchAll(Action[SwitchAllParams]):
    """Switch the names of many tenants in as few calls as possible, each by compare and set.

    A name that holds neither old nor new was changed by somebody else: it is left alone, and so is one that
    the zone refuses. Outputs: how many lead to where they shall (``switched``), and ``left``: name -> why.
    """

    name: ClassVar[str] = "dns.switch-all"
    params = SwitchAllParams

    def observe(self, ports: ReadPorts, params: SwitchAllParams, call: Call) -> Observation:
        changes = _find_ready(call, params)
        found = _find_values(ports.dns(), params.type, changes)
        pairs = [*zip(changes, found, strict=True)]
        waiting = sum(values == change.old != change.new for change, values in pairs)
        switched = sum(values == change.new for change, values in pairs)
        if not waiting:
            return Present(_outputs(changes, found))
        return Partial(f"{switched} of {len(changes)} names") if switched else Absent()

    def apply(self, ports: WritePorts, params: SwitchAllParams, call: Call) -> JsonMap:
        changes = _find_ready(call, params)
        refused = _set_all(ports, params, changes)
        outputs = _outputs(changes, _find_values(ports.dns(), params.type, changes))
        return {**outputs, "left": {**_map(outputs["left"]), **refused}}

    def undo(self, ports: WritePorts, params: SwitchAllParams, call: Call) -> None:
        back = [NameChange(name=c.name, old=c.new, new=c.old) for c in _find_ready(call, params)]
        _set_all(ports, params, back)


def _find_ready(call: Call, params: SwitchAllParams) -> list[NameChange]:
    """Names of the tenants that came this far; of the others nothing is touched."""
    outputs = [found for step in params.ready if (found := call.inputs.get(step))]
    return [change for found in outputs for change in _CHANGES.validate_python(found["names"])]


def _find_values(dns: DnsReader, record_type: str, changes: Iterable[NameChange]) -> list[tuple[str, ...]]:
    found = dns.find_all([(change.name, record_type) for change in changes])
    return [() if each is None else tuple(sorted(each.values)) for each in found]


def _set_all(ports: WritePorts, params: SwitchAllParams, changes: Sequence[NameChange]) -> dict[str, Json]:
    """Switch those that hold ``old``. Names that were refused, and why."""
    found = _find_values(ports.dns(), params.type, changes)
    waiting = [c for c, values in zip(changes, found, strict=True) if values == c.old != c.new]
    sets = [
        SwitchParams(type=params.type, ttl=params.ttl, name=c.name, old=c.old, new=c.new) for c in waiting
    ]
    wanted: list[Change] = [(records_of(each, each.old), records_of(each, each.new)) for each in sets]
    results = ports.dns().replace_all(wanted)
    return {c.name: why.message for c, why in zip(waiting, results, strict=True) if why is not None}


def _outputs(changes: Sequence[NameChange], found: Sequence[tuple[str, ...]]) -> JsonMap:
    pairs = [*zip(changes, found, strict=True)]
    left: JsonMap = {
        change.name: refuse_switch(change.name, found=values, planned=change.old).message
        for change, values in pairs
        if values != change.new
    }
    return {"switched": len(pairs) - len(left), "left": left}


def _map(value: Json) -> JsonMap:
    return value if isinstance(value, dict) else {}
