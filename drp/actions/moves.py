"""Many live tenants moved at once: each by a run of its own, so that each can go back by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from drp.actions.action import Action, Call, Observation, ReadPorts, WritePorts
from drp.actions.orders import Order, epochs
from drp.actions.placement import Occupancy, choose_host, choose_links, find_occupancy, occupy
from drp.actions.waves import gate_facts, make_waves, rank
from drp.engine.tasks import Absent, Present
from drp.errors import BugError, RefusedError
from drp.model.inventory import Tenant
from drp.model.names import Instance
from drp.model.values import JsonMap
from drp.witness.epochs import Serving
from drp.witness.runs import RunEntry, RunReader

FLEET: Final = "fleet"
"""Key of a run's details: the run over many that it is a part of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveParams:
    """``source`` and ``site``: from where to where; ``host`` and ``links``: the place that is kept for it."""

    tenant: str
    source: str
    site: str
    host: str
    links: tuple[str, ...]


class MoveTenant(Action[MoveParams]):
    """The tenant is served by that site. Hands that can begin runs do it (``drp.commands.fleet.moving``)."""

    name: ClassVar[str] = "tenant.move"
    params = MoveParams
    reversible: ClassVar[bool] = False

    def observe(self, ports: ReadPorts, params: MoveParams, call: Call) -> Observation:
        """Present only when no run of this one still has something to do for it."""
        serving = epochs(ports).find_serving(params.tenant)
        if serving is None or serving.site != params.site:
            return Absent()
        reader = RunReader(ports.store(ports.inventory.witness))
        return Absent() if find_part(reader, params.tenant, call.run) else Present()

    def apply(self, ports: WritePorts, params: MoveParams, call: Call) -> JsonMap:
        raise BugError(f"cannot move '{params.tenant}': these hands cannot begin a run of its own")


def find_part(reader: RunReader, tenant: str, run: str) -> RunEntry | None:
    """The open run on the tenant that is a part of the run over many. Errors: those of the store."""
    return next((each for each in reader.iter_open(tenant) if each.begin.details.get(FLEET) == run), None)


def find_other(reader: RunReader, tenant: str, run: str) -> str:
    """That a run is open on the tenant which is no part of this one, in words; "" when there is none."""
    others = [each.begin for each in reader.iter_open(tenant) if each.begin.details.get(FLEET) != run]
    return f"run '{others[0].run}' ({others[0].verb}) is open on it" if others else ""


def move_facts(ports: ReadPorts, order: Order) -> JsonMap:
    """Who moves, and a place for each that no other takes. Raises RefusedError when nobody can."""
    placed, left_out = _place_all(ports, order)
    if not placed:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in left_out.items()) or "nobody was named"
        raise RefusedError(f"cannot move anybody to '{order.site}': {reasons}")
    inventory = ports.inventory
    waves = make_waves([inventory.tenants[name] for name in placed], inventory.policies.waves)
    wave_of = {name: wave.name for wave in waves for name in wave.tenants}
    return {
        "run": order.run,
        "target": {"name": order.site, "site": order.site},
        "tenants": [{**facts, "wave": wave_of[name]} for name, facts in placed.items()],
        "waves": gate_facts(waves),
        "stop_at": inventory.policies.waves.stop_at,
        "left_out": dict(left_out),
    }


def _place_all(ports: ReadPorts, order: Order) -> tuple[dict[str, JsonMap], dict[str, str]]:
    """Facts of each tenant that has a place, in order of importance; why the others have none."""
    hosts = ports.inventory.sites[order.site].hosts
    occupancies = {host.name: find_occupancy(host, ports.host(host.name)) for host in hosts}
    reader = RunReader(ports.store(ports.inventory.witness))
    placed: dict[str, JsonMap] = {}
    left_out: dict[str, str] = {}
    for tenant in sorted((ports.inventory.tenants[name] for name in order.tenants), key=rank):
        serving = epochs(ports).find_serving(tenant.name)
        reason = _why_not(order, serving) or find_other(reader, tenant.name, order.run)
        if reason or serving is None:
            left_out[tenant.name] = reason
            continue
        try:
            placed[tenant.name] = _place(ports, order, tenant, serving=serving, occupancies=occupancies)
        except RefusedError as error:
            left_out[tenant.name] = error.message
    return placed, left_out


def _why_not(order: Order, serving: Serving | None) -> str:
    if serving is None:
        return "served by nobody"
    if serving.site == order.site:
        return f"{serving.site} serves it already"
    return f"served by {serving.site}" if order.source not in ("", serving.site) else ""


def _place(
    ports: ReadPorts, order: Order, tenant: Tenant, *, serving: Serving, occupancies: dict[str, Occupancy]
) -> JsonMap:
    """Its facts; ``occupancies`` are as they will be then. Raises RefusedError when it fits nowhere."""
    found = choose_host(tenant, ports.inventory, _allowed(order, tenant, occupancies))
    links = choose_links(found, ports.inventory, tenant.name)
    instance = Instance.of_epoch(tenant.name, epochs(ports).next_epoch(tenant.name))
    taken = occupy(found, str(instance), tenant.name, subnets=links.values())
    occupancies[found.host.name] = taken
    return {
        "name": tenant.name,
        "source": {"site": serving.site, "host": serving.host},
        "target": {"site": order.site, "host": found.host.name, "links": [*links.values()]},
    }


def _allowed(order: Order, tenant: Tenant, occupancies: Mapping[str, Occupancy]) -> list[Occupancy]:
    """At home it may want one host."""
    wanted = tenant.host if order.site == tenant.home else None
    return [each for name, each in occupancies.items() if wanted in (None, name)]
