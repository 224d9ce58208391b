"""What a plan is made from: the inventory and the world as it is now, as one nested JSON value.

The runbooks' ``${…}`` look-ups read this value and nothing else, so a plan is fixed once it is made.
"""

from __future__ import annotations

from drp.actions.action import ReadPorts
from drp.actions.drained import DrainedParams, check_drained
from drp.actions.fleet import FLEET, fleet_facts
from drp.actions.instances import (
    build_backup_id,
    edge_facts,
    edge_setup_facts,
    host_facts,
    instance_facts,
    name_facts,
    serving_instance,
    target_facts,
    tenant_facts,
)
from drp.actions.orders import Order, epochs
from drp.actions.placement import Occupancy, choose_host, find_occupancy
from drp.errors import RefusedError
from drp.model.inventory import Site, Tenant
from drp.model.names import Instance
from drp.model.values import Json, JsonMap
from drp.witness.epochs import Serving


def gather_facts(ports: ReadPorts, order: Order) -> JsonMap:
    """The context of the verb's runbook. Raises RefusedError, and the ports' errors."""
    if order.verb in FLEET:
        return fleet_facts(ports, order)
    gather = {"deploy": _deploy_facts, "migrate": _migrate_facts, "retire": _retire_facts}[order.verb]
    tenant = _require_tenant(ports, order)
    return {**_common(ports, order, tenant), **gather(ports, order, tenant)}


def _require_tenant(ports: ReadPorts, order: Order) -> Tenant:
    tenant = ports.inventory.tenants[order.tenant]
    if order.site not in ports.inventory.sites:
        raise RefusedError(f"cannot {order.verb} '{tenant.name}': there is no site '{order.site}'")
    return tenant


def _common(ports: ReadPorts, order: Order, tenant: Tenant) -> JsonMap:
    dns = ports.inventory.dns
    return {
        "run": order.run,
        "tenant": tenant_facts(ports, tenant),
        "dns": {"ttl": dns.ttl, "move_ttl": dns.move_ttl},
        "hosts": [host_facts(host) for host in ports.inventory.hosts()],
    }


def _deploy_facts(ports: ReadPorts, order: Order, tenant: Tenant) -> JsonMap:
    serving = epochs(ports).find_serving(tenant.name)
    if serving is not None:
        raise RefusedError(
            f"cannot deploy '{tenant.name}': it is served by {serving.site} since {serving.since}",
            hint=f"Move it with `drp migrate {tenant.name} --to SITE`.",
        )
    target = _target(ports, order, tenant)
    edge_setup: list[Json] = [edge_setup_facts(ports, host) for host in ports.inventory.hosts()]
    site = ports.inventory.sites[order.site]
    aliases: list[Json] = [_alias(ports, each) for each in ports.inventory.sites.values()]
    edges = edge_facts(ports, tenant, target, previous=None, hosts=ports.inventory.hosts())
    return {
        "target": target,
        "edge_setup": edge_setup,
        "edges": edges,
        "certificate_edges": edges,
        "aliases": aliases,
        "names": name_facts(tenant, old=[], new=[site.alias]),
    }


def _migrate_facts(ports: ReadPorts, order: Order, tenant: Tenant) -> JsonMap:
    serving = _require_serving(ports, order, tenant)
    if serving.site == order.site:
        raise RefusedError(
            f"cannot migrate '{tenant.name}': {order.site} serves it already, since {serving.since}",
            hint=f"Name another site; who serves says `drp status {tenant.name}`.",
            page="A8",
        )
    source = instance_facts(ports, tenant, host=serving.host, instance=str(serving_instance(serving)))
    target = _target(ports, order, tenant)
    sites = ports.inventory.sites
    edges = edge_facts(ports, tenant, target, previous=serving, hosts=ports.inventory.hosts())
    target_edges: list[Json] = [e for e in edges if isinstance(e, dict) and e["site"] == order.site]
    return {
        "source": source,
        "target": target,
        "edges": edges,
        "target_edges": target_edges,
        "certificate_edges": target_edges,
        "names": name_facts(tenant, old=[sites[serving.site].alias], new=[sites[order.site].alias]),
        "backup": {
            "base": build_backup_id(ports, order.run, "base"),
            "final": build_backup_id(ports, order.run, "final"),
        },
    }


def _retire_facts(ports: ReadPorts, order: Order, tenant: Tenant) -> JsonMap:
    serving = _require_serving(ports, order, tenant)
    old = _find_old(ports, order, tenant, serving)
    drained = DrainedParams(
        tenant=tenant.name,
        site=order.site,
        epoch=serving.epoch,
        since=serving.since,
        ttl=ports.inventory.dns.ttl,
        names=tenant.domains,
    )
    # before anybody is asked anything; the run looks once more
    check_drained(ports, drained)
    return {
        "source": instance_facts(ports, tenant, host=old[0], instance=old[1]),
        "serving": {"site": serving.site, "since": serving.since, "epoch": serving.epoch},
    }


def _require_serving(ports: ReadPorts, order: Order, tenant: Tenant) -> Serving:
    serving = epochs(ports).find_serving(tenant.name)
    if serving is None:
        raise RefusedError(
            f"cannot {order.verb} '{tenant.name}': the witness knows of no site that serves it",
            hint=f"Create it with `drp deploy {tenant.name}`.",
            page="L10",
        )
    return serving


def _find_old(ports: ReadPorts, order: Order, tenant: Tenant, serving: Serving) -> tuple[str, str]:
    for host in ports.inventory.sites[order.site].hosts:
        for instance, owner in find_occupancy(host, ports.host(host.name)).instances.items():
            if (
                owner == tenant.name
                and instance != str(serving_instance(serving))
                and Instance.parse(instance).epoch is not None
            ):
                return host.name, instance
    raise RefusedError(
        f"cannot retire '{tenant.name}' from {order.site}: no old stack of it is there",
        hint=f"Who serves says `drp status {tenant.name}`.",
        page="A8",
    )


def _alias(ports: ReadPorts, site: Site) -> JsonMap:
    """The site's name and the addresses it holds and shall hold."""
    found = ports.dns().find(site.alias, "A")
    old: list[Json] = [] if found is None else [*sorted(found.values)]
    return {"name": site.alias, "old": old, "addresses": [*sorted(host.edge for host in site.hosts)]}


def _target(ports: ReadPorts, order: Order, tenant: Tenant) -> JsonMap:
    everywhere = [host.name for host in ports.inventory.hosts()]
    place = _place(ports, order, tenant)
    return target_facts(ports, tenant, place, sources=everywhere, links=order.links)


def _place(ports: ReadPorts, order: Order, tenant: Tenant) -> Occupancy:
    hosts = ports.inventory.sites[order.site].hosts
    wanted = order.host or (tenant.host if order.site == tenant.home else "")
    if wanted:
        hosts = tuple(host for host in hosts if host.name == wanted)
    found = [find_occupancy(host, ports.host(host.name)) for host in hosts]
    return choose_host(tenant, ports.inventory, found)
