"""Facts about one instance: what it is made of, where it stands, which edges lead to it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final

from pydantic import TypeAdapter

from drp.actions import build
from drp.actions.action import ReadPorts
from drp.actions.orders import epochs
from drp.actions.placement import Occupancy, choose_links, find_links
from drp.model.inventory import Host, Service, Tenant
from drp.model.names import EDGE, GUARD, Instance, LinkRole
from drp.model.specs import ContainerSpec
from drp.model.values import Json, JsonMap
from drp.ports.edges import Route
from drp.witness.epochs import Serving

EDGE_PORT: Final = 443


def tenant_facts(ports: ReadPorts, tenant: Tenant) -> JsonMap:
    return {
        "name": tenant.name,
        "env": tenant.env,
        "tier": tenant.tier,
        "domains": [*tenant.domains],
        "freeze_s": tenant.freeze.total_seconds(),
        "api_port": tenant.services["api"].port,
        "memory": tenant.memory,
        "stores": [tenant.backup_store, tenant.backup_keys, ports.inventory.witness],
        "smoke_collections": [*tenant.smoke_collections],
    }


def target_facts(
    ports: ReadPorts,
    tenant: Tenant,
    occupancy: Occupancy,
    *,
    sources: Sequence[str],
    links: Sequence[str] = (),
) -> JsonMap:
    """A new instance on that host, under the tenant's next epoch; ``sources``: where its images may be.

    ``links``: CIDRs that are kept free for it.
    """
    epoch = epochs(ports).next_epoch(tenant.name)
    instance = Instance.of_epoch(tenant.name, epoch)
    chosen = choose_links(occupancy, ports.inventory, tenant.name, links)
    return {
        **_new_facts(ports, tenant, occupancy.host, instance=instance, links=chosen, sources=sources),
        "epoch": epoch,
    }


def bubble_facts(
    ports: ReadPorts, tenant: Tenant, occupancy: Occupancy, *, instance: Instance, sources: Sequence[str]
) -> JsonMap:
    """An instance of a drill: it takes no epoch, and its links from the far end of what is free."""
    links = choose_links(occupancy, ports.inventory, tenant.name, last=True)
    return _new_facts(ports, tenant, occupancy.host, instance=instance, links=links, sources=sources)


def _new_facts(
    ports: ReadPorts,
    tenant: Tenant,
    host: Host,
    *,
    instance: Instance,
    links: Mapping[LinkRole, str],
    sources: Sequence[str],
) -> JsonMap:
    images: dict[str, str] = {service.role: service.image for service in tenant.services.values()}
    images["helper"] = ports.inventory.images.helper
    return {
        **instance_specs(tenant, host, instance=instance, links=links),
        "site": host.site,
        "images": [
            {"name": name, "image": image, "sources": [*sources]} for name, image in sorted(images.items())
        ],
        "egress": dump(build.egress_network(host)),
    }


def serving_instance(serving: Serving) -> Instance:
    return Instance.of_epoch(serving.tenant, serving.epoch)


def instance_specs(
    tenant: Tenant, host: Host, *, instance: Instance, links: Mapping[LinkRole, str]
) -> JsonMap:
    api = tenant.services["api"]
    specs = build.service_specs(tenant, instance, links)
    address = build.link_address(links["edge"], "api")
    edge_link: JsonMap = {
        "network": instance.network("edge"),
        "address": build.link_address(links["edge"], "edge"),
    }
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
        "edge_link": edge_link,
        # the edge does not come into a bubble
        "edge_links": [] if instance.is_drill else [{"name": "edge", **edge_link}],
        "route": f"{address}:{api.port}",
    }


def instance_facts(ports: ReadPorts, tenant: Tenant, *, host: str, instance: str) -> JsonMap:
    """An instance as it stands: its links are read from the host."""
    named = Instance.parse(instance)
    found = ports.inventory.host(host)
    links = find_links(ports.host(host), host, named)
    return {**instance_specs(tenant, found, instance=named, links=links), "site": found.site}


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


def dump(spec: Any) -> JsonMap:
    """A spec as JSON, in the form in which steps carry it."""
    shape: type = type(spec)
    found = _adapter(shape).dump_python(spec, mode="json")
    assert isinstance(found, dict)
    return found


@cache
def _adapter(shape: type) -> TypeAdapter[Any]:
    return TypeAdapter(shape)


def edge_facts(
    ports: ReadPorts,
    tenant: Tenant,
    target: JsonMap,
    *,
    previous: Serving | None,
    hosts: Iterable[Host],
) -> list[Json]:
    """For the edge of each host: the route it shall have, and the one it has (for the way back)."""
    listed: list[Json] = []
    for host in hosts:
        local = host.name == target["host"]
        before = None if previous is None else ports.edge(host.name).find_route(tenant.domains[0])
        listed.append(
            {
                **host_facts(host),
                "kind": "local" if local else "edge",
                "target": target["route"] if local else f"{target['address']}:{EDGE_PORT}",
                "owner": target["instance"] if local else "",
                **_previous(before),
            }
        )
    return listed


def forward_facts(host: Host, tenants: Iterable[tuple[Tenant, Host, int]]) -> JsonMap:
    """What the edge of ``host`` hands on: the tenants, each with its host and epoch, that stand elsewhere."""
    # a name of its own: who looks for tenants among the items of loops must not find hosts
    return {
        "name": f"edge-of-{host.name}",
        "host": host.name,
        "edge": host.edge,
        "tenants": [
            {
                "name": tenant.name,
                "domains": [*tenant.domains],
                "epoch": epoch,
                "target": f"{place.edge}:{EDGE_PORT}",
            }
            for tenant, place, epoch in tenants
            if place.name != host.name
        ],
    }


def _previous(route: Route | None) -> JsonMap:
    if route is None:
        return {"previous_kind": None, "previous_target": "", "previous_owner": ""}
    return {
        "previous_kind": route.kind,
        "previous_target": route.target,
        "previous_owner": route.owner,
    }


def name_facts(tenant: Tenant, *, old: list[str], new: list[str]) -> list[Json]:
    return [{"name": name, "old": [*old], "new": [*new]} for name in tenant.domains]


def host_facts(host: Host) -> JsonMap:
    return {"name": host.name, "host": host.name, "site": host.site, "edge": host.edge}


def edge_setup_facts(ports: ReadPorts, host: Host) -> JsonMap:
    """What the edge and the guard of one host are made of."""
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


def build_backup_id(ports: ReadPorts, run: str, part: str) -> str:
    """Its moment, and a name that no other part of any run has."""
    moment = ports.clock.now().strftime("%Y%m%dT%H%M%SZ")
    return f"{moment}-{hashlib.sha256(f'{run}/{part}'.encode()).hexdigest()[:8]}"
