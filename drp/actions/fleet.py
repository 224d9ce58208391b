"""Facts of the verbs that work on many tenants at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Final

from drp.actions.action import ReadPorts
from drp.actions.drilling import drill_facts
from drp.actions.history import backup_facts, find_newest, require_newest, seconds_since
from drp.actions.instances import (
    build_backup_id,
    edge_facts,
    forward_facts,
    host_facts,
    instance_facts,
    name_facts,
    serving_instance,
    target_facts,
    tenant_facts,
)
from drp.actions.moves import move_facts
from drp.actions.orders import MOVES, Order, epochs
from drp.actions.placement import Occupancy, choose_host, find_occupancy, occupy, without_drills
from drp.actions.starting import start_facts
from drp.actions.waves import gate_facts, limit, make_waves, rank
from drp.errors import DrpError, RefusedError
from drp.guard.lease import must_tell
from drp.model.inventory import Host, Inventory, Tenant
from drp.model.names import LINK_ROLES
from drp.model.values import Json, JsonMap

FLEET: Final = ("backup", "reserve", "failover", "start", "drill", *MOVES)
MARGIN_S: Final = 2.0
"""Beyond the term of a permission: for clocks that do not run equally fast, and for an answer on its way."""


def fleet_facts(ports: ReadPorts, order: Order) -> JsonMap:
    """The context of the verb's runbook. Raises RefusedError, and the ports' errors."""
    gather = {
        "backup": _backup_facts,
        "reserve": _reserve_facts,
        "failover": _failover_facts,
        "start": start_facts,
        "drill": drill_facts,
        **dict.fromkeys(MOVES, move_facts),
    }
    return gather[order.verb](ports, order)


def _backup_facts(ports: ReadPorts, order: Order) -> JsonMap:
    tenants: list[Json] = []
    left_out: JsonMap = {}
    for tenant in sorted((ports.inventory.tenants[name] for name in order.tenants), key=rank):
        serving = epochs(ports).find_serving(tenant.name)
        if serving is None:
            left_out[tenant.name] = "served by nobody"
            continue
        try:
            check_apart(ports.inventory, tenant, serving.site)
            instance = str(serving_instance(serving))
            source = instance_facts(ports, tenant, host=serving.host, instance=instance)
            last = _last(ports, tenant)
        except DrpError as error:
            left_out[tenant.name] = error.message
            continue
        backup: JsonMap = {"id": build_backup_id(ports, order.run, tenant.name)}
        tenants.append({**tenant_facts(ports, tenant), "source": source, "last": last, "new_backup": backup})
    if not tenants:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
        raise RefusedError(f"cannot back up: {reasons or 'no tenant was named'}")
    return {"run": order.run, "tenants": tenants, "left_out": left_out}


def check_apart(inventory: Inventory, tenant: Tenant, site: str) -> None:
    """Raises RefusedError when all that a restore needs would be lost together with that site."""
    for name in (tenant.backup_store, tenant.backup_keys):
        store = inventory.stores[name]
        if site in inventory.sites and inventory.sites[site].holds(store.place):
            raise RefusedError(
                f"cannot keep backups of '{tenant.name}' in store '{name}': it stands in '{store.place}' "
                f"and is lost with '{site}', which serves it",
                hint="Name a store that stands elsewhere in `backup` of the configuration.",
                page="D4",
            )


def _last(ports: ReadPorts, tenant: Tenant) -> JsonMap:
    """The backup that the next one is held against."""
    found = find_newest(ports, tenant)
    return {"id": "", "documents": 0} if found is None else backup_facts(found)


def _reserve_facts(ports: ReadPorts, order: Order) -> JsonMap:
    """For the hosts of one site (of all, when none is named) that are not the tenant's own."""
    inventory = ports.inventory
    hosts = [host for host in inventory.hosts() if order.site in ("", host.site)]
    everywhere: list[Json] = [host.name for host in inventory.hosts()]
    tenants: list[Json] = []
    for tenant in sorted((inventory.tenants[name] for name in order.tenants), key=rank):
        images: list[Json] = [
            {"name": f"{host.name}.{service.role}", "host": host.name, "image": image, "sources": everywhere}
            for host in hosts
            for service in tenant.services.values()
            for image in [service.image]
        ]
        edges: list[Json] = [host_facts(host) for host in hosts]
        tenants.append({"name": tenant.name, "images": images, "edges": edges})
    return {"run": order.run, "tenants": tenants, "left_out": {}}


def _failover_facts(ports: ReadPorts, order: Order) -> JsonMap:
    inventory = ports.inventory
    others = [host for host in inventory.hosts() if host.site != order.source]
    living = _living(ports, others)
    hosts = [host for host in living if host.site == order.site]
    if len(living) < must_tell(len(others)):
        raise RefusedError(
            f"cannot take over from '{order.source}': {len(living)} of {len(others)} other hosts answer, "
            f"{must_tell(len(others))} must",
            hint="See which with `drp check engines`.",
        )
    tenants, left_out = _place_all(ports, order, hosts)
    if not tenants:
        reasons = (
            "; ".join(f"{name}: {reason}" for name, reason in left_out.items()) or "none is served there"
        )
        raise RefusedError(f"cannot fail over from '{order.source}' to '{order.site}': {reasons}")
    policy = limit(inventory.policies.waves, order.parallel)
    waves = make_waves([inventory.tenants[str(each["name"])] for each in tenants], policy)
    wave_of = {name: wave.name for wave in waves for name in wave.tenants}
    return {
        "run": order.run,
        "source": {"name": order.source, "site": order.source},
        "target": {"name": order.site, "site": order.site},
        "tenants": [{**each, "wave": wave_of[str(each["name"])]} for each in tenants],
        "waves": gate_facts(waves),
        "stop_at": inventory.policies.waves.stop_at,
        "left_out": dict(left_out),
        "names": [name for each in tenants for name in _domains(each)],
        "hosts": [host_facts(host) for host in hosts],
        "forwards": _forwards(inventory, hosts, tenants),
        # names of their own: the items of a loop over stages must not be taken for tenants
        "guards": [{"name": f"guard-of-{host.name}", "host": host.name} for host in living],
        "fence": {
            "guards": len(others),
            "term_s": inventory.fence.term.total_seconds(),
            "margin_s": MARGIN_S,
        },
        "dns": {"ttl": inventory.dns.ttl, "move_ttl": inventory.dns.move_ttl},
        "stores": [*dict.fromkeys(name for each in tenants for name in _stores(each))],
    }


def _forwards(inventory: Inventory, hosts: Sequence[Host], tenants: Sequence[JsonMap]) -> list[Json]:
    """For each edge of the site: who stands behind another one of it."""
    placed = []
    for each in tenants:
        target = each["target"]
        assert isinstance(target, dict)
        epoch = target["epoch"]
        assert isinstance(epoch, int)
        placed.append((inventory.tenants[str(each["name"])], inventory.host(str(target["host"])), epoch))
    return [forward_facts(host, placed) for host in hosts]


def _domains(facts: JsonMap) -> list[Json]:
    found = facts["domains"]
    assert isinstance(found, list)
    return found


def _stores(facts: JsonMap) -> list[str]:
    found = facts["stores"]
    assert isinstance(found, list)
    return [str(name) for name in found]


def _living(ports: ReadPorts, hosts: Sequence[Host]) -> list[Host]:
    """Those whose engine answers; all are asked at once, for dead ones cost their time."""

    def is_alive(host: Host) -> bool:
        try:
            ports.host(host.name).state()
        except DrpError:
            return False
        return True

    with ThreadPoolExecutor(max(1, len(hosts))) as pool:
        return [host for host, alive in zip(hosts, pool.map(is_alive, hosts), strict=True) if alive]


def _place_all(ports: ReadPorts, order: Order, hosts: Sequence[Host]) -> tuple[list[JsonMap], dict[str, str]]:
    """Facts of each tenant that has a place, in order of importance; why the others have none."""
    occupancies = {host.name: without_drills(find_occupancy(host, ports.host(host.name))) for host in hosts}
    placed: list[JsonMap] = []
    left_out: dict[str, str] = {}
    for tenant in sorted((ports.inventory.tenants[name] for name in order.tenants), key=rank):
        serving = epochs(ports).find_serving(tenant.name)
        if serving is None or serving.site != order.source:
            left_out[tenant.name] = f"served by {serving.site if serving else 'nobody'}"
            continue
        try:
            occupancy = choose_host(tenant, ports.inventory, occupancies.values())
            facts = _tenant(ports, order, tenant, occupancy=occupancy, hosts=hosts)
        except RefusedError as error:
            left_out[tenant.name] = error.message
            continue
        occupancies[occupancy.host.name] = _occupy(occupancy, facts)
        placed.append(facts)
    return placed, left_out


def _tenant(
    ports: ReadPorts, order: Order, tenant: Tenant, *, occupancy: Occupancy, hosts: Sequence[Host]
) -> JsonMap:
    backup = backup_facts(require_newest(ports, tenant))
    target = target_facts(ports, tenant, occupancy, sources=[host.name for host in hosts])
    sites = ports.inventory.sites
    edges = edge_facts(ports, tenant, target, previous=None, hosts=[occupancy.host])
    return {
        **tenant_facts(ports, tenant),
        "target": target,
        "edges": edges,
        "names": name_facts(tenant, old=[sites[order.source].alias], new=[sites[order.site].alias]),
        "backup": backup,
        "new_backup": {"id": build_backup_id(ports, order.run, tenant.name)},
    }


def _occupy(occupancy: Occupancy, facts: JsonMap) -> Occupancy:
    """As the host will be once the tenant's new instance stands there."""
    target = facts["target"]
    assert isinstance(target, dict)
    links = target["links"]
    assert isinstance(links, dict)
    return occupy(
        occupancy,
        str(target["instance"]),
        str(facts["name"]),
        subnets=[str(links[role]) for role in LINK_ROLES],
    )


def restores(facts: Mapping[str, Json]) -> dict[str, JsonMap]:
    """Tenant -> the backup that is restored: ``backup`` its id, ``as_of`` its moment, ``documents``."""
    tenants = facts.get("tenants")
    return {
        str(each["name"]): {"backup": kept["id"], "as_of": kept["began"], "documents": kept["documents"]}
        for each in (tenants if isinstance(tenants, list) else [])
        if isinstance(each, dict) and isinstance(kept := each.get("backup"), dict)
    }


def losses(facts: Mapping[str, Json], now: datetime) -> dict[str, float]:
    """Tenant -> seconds of writes that may be lost: those younger than the backup that is restored."""
    found: dict[str, float] = {}
    tenants = facts.get("tenants")
    for each in tenants if isinstance(tenants, list) else []:
        if isinstance(each, dict) and isinstance(backup := each.get("backup"), dict):
            found[str(each["name"])] = seconds_since(str(backup["began"]), now)
    return found
