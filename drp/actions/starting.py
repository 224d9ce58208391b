"""Facts of ``start``: what belongs to a host that lost its power, and what of it may serve again."""

from __future__ import annotations

from drp.actions.action import ReadPorts
from drp.actions.busy import find_work
from drp.actions.instances import (
    edge_facts,
    edge_setup_facts,
    forward_facts,
    host_facts,
    instance_facts,
    serving_instance,
    tenant_facts,
)
from drp.actions.orders import Order, epochs
from drp.actions.waves import rank
from drp.errors import DrpError, RefusedError
from drp.model.inventory import Host, Tenant
from drp.model.values import Json, JsonMap
from drp.witness.epochs import Serving
from drp.witness.runs import RunReader


def start_facts(ports: ReadPorts, order: Order) -> JsonMap:
    """``order.host`` and all that stands there, or some tenants on the host of the first of them.

    Raises RefusedError when tenants were named and none of them may start.
    """
    host = ports.inventory.host(order.host or _find_host(ports, order))
    tenants: list[Json] = []
    left_out: JsonMap = {}
    for tenant in sorted((ports.inventory.tenants[name] for name in order.tenants), key=rank):
        try:
            tenants.append(_tenant(ports, tenant, host))
        except DrpError as error:
            left_out[tenant.name] = error.message
            if not order.host and len(order.tenants) == 1:
                raise
    return {
        "run": order.run,
        "machine": host_facts(host),
        "edge_setup": [edge_setup_facts(ports, host)],
        "certificates": [
            {"name": name, "host": host.name}
            for name in sorted(ports.inventory.tenants)
            if epochs(ports).find_serving(name) is not None
        ],
        "forwards": _forwards(ports, host) if order.host else [],
        "tenants": tenants,
        "left_out": left_out,
    }


def _forwards(ports: ReadPorts, host: Host) -> list[Json]:
    """What its edge hands on to the other hosts of its site, by what is served there now."""
    served = [
        (tenant, ports.inventory.host(serving.host), serving.epoch)
        for name, tenant in sorted(ports.inventory.tenants.items())
        if (serving := epochs(ports).find_serving(name)) is not None and serving.site == host.site
    ]
    return [forward_facts(host, served)]


def _find_host(ports: ReadPorts, order: Order) -> str:
    return _require_serving(ports, order.tenants[0]).host


def _require_serving(ports: ReadPorts, name: str) -> Serving:
    serving = epochs(ports).find_serving(name)
    if serving is None:
        raise RefusedError(
            f"cannot start '{name}': the witness knows of no site that serves it",
            hint=f"Create it with `drp deploy {name}`.",
            page="L10",
        )
    return serving


def _tenant(ports: ReadPorts, tenant: Tenant, host: Host) -> JsonMap:
    serving = _require_serving(ports, tenant.name)
    if serving.host != host.name:
        raise RefusedError(
            f"cannot start '{tenant.name}' on '{host.name}': {serving.site} serves it on {serving.host} "
            f"under epoch {serving.epoch} since {serving.since}; what is here stays closed",
            hint=f"Start it there with `drp start {tenant.name}`.",
            page="H1",
        )
    _check_no_run(ports, serving)
    instance = str(serving_instance(serving))
    target = {
        **instance_facts(ports, tenant, host=host.name, instance=instance),
        "epoch": serving.epoch,
    }
    (edge,) = edge_facts(ports, tenant, target, previous=None, hosts=[host])
    return {**tenant_facts(ports, tenant), "target": target, "edge": edge}


def _check_no_run(ports: ReadPorts, serving: Serving) -> None:
    """Of an open run only itself knows what may run now."""
    opened = RunReader(ports.store(ports.inventory.witness)).iter_open()
    found = find_work(epochs(ports), (entry.begin for entry in opened), serving)
    if found is not None:
        raise RefusedError(
            f"cannot start '{serving.tenant}': run '{found.run}' on it is open",
            hint=f"Go on with it: `drp resume {found.run}`.",
            page="B2",
        )
