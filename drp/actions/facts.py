"""What a plan is made from: the inventory and the world as it is now, as one nested JSON value.

The runbooks' ``${…}`` look-ups read this value and nothing else, so a plan is fixed once it is made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from drp.actions import build
from drp.actions.action import ReadPorts
from drp.actions.drained import DrainedParams, check_drained
from drp.actions.placement import Occupancy, choose_host, choose_links, find_links, find_occupancy
from drp.errors import RefusedError
from drp.model.inventory import Host, Service, Site, Tenant
from drp.model.names import EDGE, GUARD, Instance, LinkRole
from drp.model.specs import ContainerSpec
from drp.model.values import Json, JsonMap
from drp.ports.edges import Route
from drp.witness.epochs import EpochReader, Serving

_EDGE_PORT = 443


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the operator asked for. ``site`` is the target of deploy and migrate, the source of retire."""

    verb: str
    run: str
    tenant: str
    site: str


def gather_facts(ports: ReadPorts, order: Order) -> JsonMap:
    """The context of the verb's runbook. Raises RefusedError, and the ports' errors."""
    gather = {"deploy": _deploy_facts, "migrate": _migrate_facts, "retire": _retire_facts}[order.verb]
    tenant = _require_tenant(ports, order)
    return {**_common(ports, order, tenant), **gather(ports, order, tenant)}


def epochs(ports: ReadPorts) -> EpochReader:
    """The epochs as the witness holds them."""
    return EpochReader(ports.store(ports.inventory.witness))


def _require_tenant(ports: ReadPorts, order: Order) -> Tenant:
    tenant = ports.inventory.tenants[order.tenant]
    if order.site not in ports.inventory.sites:
        raise RefusedError(f"cannot {order.verb} '{tenant.name}': there is no site '{order.site}'")
    return tenant


def _common(ports: ReadPorts, order: Order, tenant: Tenant) -> JsonMap:
    dns = ports.inventory.dns
    return {
        "run": order.run,
        "tenant": {
            "name": tenant.name,
            "env": tenant.env,
            "tier": tenant.tier,
            "domains": [*tenant.domains],
            "freeze_s": tenant.freeze.total_seconds(),
            "api_port": tenant.services["api"].port,
            "memory": tenant.memory,
            "stores": [tenant.backup_store, tenant.backup_keys, ports.inventory.witness],
            "smoke_collections": [*tenant.smoke_collections],
        },
        "dns": {"ttl": dns.ttl, "move_ttl": dns.move_ttl},
        "hosts": [_host(host) for host in ports.inventory.hosts()],
    }


def _deploy_facts(ports: ReadPorts, order: Order, tenant: Tenant) -> JsonMap:
    serving = epochs(ports).find_serving(tenant.name)
    if serving is not None:
        raise RefusedError(
            f"cannot deploy '{tenant.name}': it is served by {serving.site} since {serving.since}",
            hint=f"Move it with `drp migrate {tenant.name} --to SITE`.",
        )
    target = _target(ports, order, tenant)
    edge_setup: list[Json] = [_edge_setup(ports, host) for host in ports.inventory.hosts()]
    site = ports.inventory.sites[order.site]
    aliases: list[Json] = [_alias(ports, each) for each in ports.inventory.sites.values()]
    edges = _edges(ports, tenant, target, previous=None)
    return {
        "target": target,
        "edge_setup": edge_setup,
        "edges": edges,
        "certificate_edges": edges,
        "aliases": aliases,
        "names": _names(tenant, old=[], new=[site.alias]),
    }


def _migrate_facts(ports: ReadPorts, order: Order, tenant: Tenant) -> JsonMap:
    serving = _require_serving(ports, order, tenant)
    if serving.site == order.site:
        raise RefusedError(
            f"cannot migrate '{tenant.name}': {order.site} serves it already, since {serving.since}",
            hint=f"Name another site; who serves says `drp status {tenant.name}`.",
            page="A8",
        )
    source = _instance_facts(ports, tenant, host=serving.host, instance=str(_instance(serving)))
    target = _target(ports, order, tenant)
    sites = ports.inventory.sites
    edges = _edges(ports, tenant, target, previous=serving)
    target_edges: list[Json] = [e for e in edges if isinstance(e, dict) and e["site"] == order.site]
    return {
        "source": source,
        "target": target,
        "edges": edges,
        "target_edges": target_edges,
        "certificate_edges": target_edges,
        "names": _names(tenant, old=[sites[serving.site].alias], new=[sites[order.site].alias]),
        "backup": {"base": _backup_id(ports, order, "base"), "final": _backup_id(ports, order, "final")},
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
        "source": _instance_facts(ports, tenant, host=old[0], instance=old[1]),
        "serving": {"site": serving.site, "since": serving.since, "epoch": serving.epoch},
    }


def _require_serving(ports: ReadPorts, order: Order, tenant: Tenant) -> Serving:
    serving = epochs(ports).find_serving(tenant.name)
    if serving is None:
        raise RefusedError(
            f"cannot {order.verb} '{tenant.name}': the witness knows of no site that serves it",
            hint=f"Create it with `drp deploy {tenant.name}`.",
        )
    return serving


def _find_old(ports: ReadPorts, order: Order, tenant: Tenant, serving: Serving) -> tuple[str, str]:
    for host in ports.inventory.sites[order.site].hosts:
        for instance, owner in find_occupancy(host, ports.host(host.name)).instances.items():
            if (
                owner == tenant.name
                and instance != str(_instance(serving))
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


def _instance(serving: Serving) -> Instance:
    return Instance.of_epoch(serving.tenant, serving.epoch)


def _host(host: Host) -> JsonMap:
    return {"name": host.name, "host": host.name, "site": host.site, "edge": host.edge}


def _target(ports: ReadPorts, order: Order, tenant: Tenant) -> JsonMap:
    epoch = epochs(ports).next_epoch(tenant.name)
    instance = Instance.of_epoch(tenant.name, epoch)
    occupancy = _place(ports, order, tenant)
    links = choose_links(occupancy)
    facts = _instance_specs(tenant, occupancy.host, instance=instance, links=links)
    everywhere: list[Json] = [host.name for host in ports.inventory.hosts()]
    images: dict[str, str] = {service.role: service.image for service in tenant.services.values()}
    images["helper"] = ports.inventory.images.helper
    return {
        **facts,
        "site": order.site,
        "epoch": epoch,
        "images": [
            {"name": name, "image": image, "sources": everywhere} for name, image in sorted(images.items())
        ],
        "egress": dump(build.egress_network(occupancy.host)),
    }


def _place(ports: ReadPorts, order: Order, tenant: Tenant) -> Occupancy:
    hosts = ports.inventory.sites[order.site].hosts
    if tenant.host and order.site == tenant.home:
        hosts = tuple(host for host in hosts if host.name == tenant.host)
    found = [find_occupancy(host, ports.host(host.name)) for host in hosts]
    return choose_host(tenant, ports.inventory, found)


def _instance_specs(
    tenant: Tenant, host: Host, *, instance: Instance, links: Mapping[LinkRole, str]
) -> JsonMap:
    api = tenant.services["api"]
    specs = build.service_specs(tenant, instance, links)
    address = build.link_address(links["edge"], "api")
    return {
        "host": host.name,
        "address": host.edge,
        "instance": str(instance),
        "links": dict(links.items()),
        "networks": [dump(build.link_network(instance, role, cidr)) for role, cidr in links.items()],
        "volumes": [_volume(instance, s) for s in tenant.services.values() if s.data],
        "services": [_service(instance, spec, tenant) for spec in specs],
        "containers": [spec.name for spec in specs],
        "databases": [_service(instance, spec, tenant) for spec in specs if not spec.name.endswith("-api")],
        "api": next(_service(instance, spec, tenant) for spec in specs if spec.name.endswith("-api")),
        "edge_link": {
            "network": instance.network("edge"),
            "address": build.link_address(links["edge"], "edge"),
        },
        "route": f"{address}:{api.port}",
    }


def _instance_facts(ports: ReadPorts, tenant: Tenant, *, host: str, instance: str) -> JsonMap:
    """An instance as it stands: its links are read from the host."""
    named = Instance.parse(instance)
    found = ports.inventory.host(host)
    links = find_links(ports.host(host), host, named)
    return {**_instance_specs(tenant, found, instance=named, links=links), "site": found.site}


def _service(instance: Instance, spec: ContainerSpec, tenant: Tenant) -> JsonMap:
    role = next(role for role in tenant.services if instance.container(role) == spec.name)
    data_links: list[Json] = [
        {"network": a.network, "address": a.address, "aliases": [*a.aliases]}
        for a in spec.attachments
        if a.network != instance.network("edge")
    ]
    return {"role": role, "container": spec.name, "spec": dump(spec), "data_links": data_links}


def _volume(instance: Instance, service: Service) -> JsonMap:
    spec = build.data_volume(instance, service.role)
    return {
        "role": service.role,
        "name": spec.name,
        "spec": dump(spec),
        "uid": service.uid,
        "gid": service.gid,
    }


def _edge_setup(ports: ReadPorts, host: Host) -> JsonMap:
    everywhere: list[Json] = [each.name for each in ports.inventory.hosts()]
    images = ports.inventory.images
    return {
        "host": host.name,
        "owner": EDGE,
        "network": dump(build.edge_network(host)),
        "egress": dump(build.egress_network(host)),
        "volume": dump(build.edge_volume()),
        "container": dump(build.edge_container(host, images.edge)),
        "guard_owner": GUARD,
        "guard": dump(build.guard_container(images.helper)),
        "edge_image": images.edge,
        "helper_image": images.helper,
        "sources": everywhere,
        "address": host.edge,
    }


def _edges(ports: ReadPorts, tenant: Tenant, target: JsonMap, *, previous: Serving | None) -> list[Json]:
    """For each edge: the route it shall have, and the one it has (for the way back)."""
    listed: list[Json] = []
    for host in ports.inventory.hosts():
        local = host.name == target["host"]
        before = None if previous is None else ports.edge(host.name).find_route(tenant.domains[0])
        listed.append(
            {
                **_host(host),
                "kind": "local" if local else "edge",
                "target": target["route"] if local else f"{target['address']}:{_EDGE_PORT}",
                "owner": target["instance"] if local else "",
                **_previous(before),
            }
        )
    return listed


def _previous(route: Route | None) -> JsonMap:
    if route is None:
        return {"previous_kind": None, "previous_target": "", "previous_owner": ""}
    return {
        "previous_kind": route.kind,
        "previous_target": route.target,
        "previous_owner": route.owner,
    }


def _names(tenant: Tenant, *, old: list[str], new: list[str]) -> list[Json]:
    return [{"name": name, "old": [*old], "new": [*new]} for name in tenant.domains]


def _backup_id(ports: ReadPorts, order: Order, part: str) -> str:
    moment = ports.clock.now().strftime("%Y%m%dT%H%M%SZ")
    return f"{moment}-{hashlib.sha256(f'{order.run}/{part}'.encode()).hexdigest()[:8]}"


def dump(spec: Any) -> JsonMap:
    """A spec as JSON, in the form in which steps carry it."""
    shape: type = type(spec)
    found = _adapter(shape).dump_python(spec, mode="json")
    assert isinstance(found, dict)
    return found


@cache
def _adapter(shape: type) -> TypeAdapter[Any]:
    return TypeAdapter(shape)
