"""Where an instance may stand: memory, dedicated hosts, free subnets."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, islice

from drp.actions.build import FIRST_TENANT_BLOCK, count_blocks, link_block
from drp.errors import RefusedError
from drp.model.inventory import Host, Inventory, Tenant
from drp.model.names import LINK_ROLES, Instance, LinkRole, is_drill
from drp.ports.hosts import HostReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Occupancy:
    """Who stands on a host now: instance -> tenant, and the CIDRs in use."""

    host: Host
    instances: Mapping[str, str]
    subnets: frozenset[str]


def find_occupancy(host: Host, reader: HostReader) -> Occupancy:
    """Look at one host. Errors: those of the port."""
    instances = {
        state.labels["drp.instance"]: state.labels.get("drp.tenant", "")
        for state in reader.containers({})
        if "drp.instance" in state.labels
    }
    subnets = frozenset(network.subnet for network in reader.networks() if network.subnet)
    return Occupancy(host=host, instances=instances, subnets=subnets)


def occupy(occupancy: Occupancy, instance: str, tenant: str, *, subnets: Iterable[str] = ()) -> Occupancy:
    """As the host will be once the instance stands there."""
    return replace(
        occupancy,
        instances={**occupancy.instances, instance: tenant},
        subnets=occupancy.subnets | {*subnets},
    )


def without_drills(occupancy: Occupancy) -> Occupancy:
    """As the host will be when its drills are over: a failover does not wait for their memory."""
    lasting = {name: owner for name, owner in occupancy.instances.items() if not is_drill(name)}
    return replace(occupancy, instances=lasting)


def choose_host(tenant: Tenant, inventory: Inventory, found: Iterable[Occupancy]) -> Occupancy:
    """The host with most free memory that may take the tenant; RefusedError says why none may.

    Where some tenant wants a host of its own, empty hosts are left to such tenants as long as others fit.
    """
    reasons = []
    fitting = []
    for occupancy in found:
        reason = _why_not(tenant, inventory, occupancy)
        if reason:
            reasons.append(f"{occupancy.host.name}: {reason}")
        else:
            fitting.append(occupancy)
    if not fitting:
        raise RefusedError(
            f"cannot place '{tenant.name}': {'; '.join(reasons)}",
            hint="Free a host or add one to the site, then run `drp plan` again.",
            page="C16",
        )
    spares_empty = any(each.dedicated for each in inventory.tenants.values()) and not tenant.dedicated

    def rank(found: Occupancy) -> tuple[bool, int, tuple[int, ...]]:
        is_shared = spares_empty and bool(found.instances)
        return is_shared, free_memory(inventory, found), _reversed_name(found.host.name)

    return max(fitting, key=rank)


def free_memory(inventory: Inventory, occupancy: Occupancy, *, without: str = "") -> int:
    """Bytes that nobody on the host has been promised; ``without`` what that tenant's epochs have.

    Of a tenant's epochs only one ever runs, so they have its memory once; a drill has its own.
    """
    claims = {
        (tenant, instance if is_drill(instance) else "") for instance, tenant in occupancy.instances.items()
    } - {(without, "")}
    promised = (inventory.tenants[tenant].memory for tenant, _ in claims if tenant in inventory.tenants)
    return occupancy.host.memory - sum(promised)


def count_free_links(occupancy: Occupancy) -> int:
    """How many blocks of the host's subnets a new link could take."""
    return sum(1 for _ in _iter_free(occupancy, _list_blocks(occupancy.host)))


def choose_links(
    occupancy: Occupancy,
    inventory: Inventory,
    tenant: str,
    wanted: Collection[str] = (),
    *,
    last: bool = False,
) -> dict[LinkRole, str]:
    """Three free blocks of the host's subnets: those that are ``wanted`` when all of them are free, else the
    first or the ``last`` of the tenant's part, else the nearest beyond it.

    Each tenant has a part of its own, and drills take theirs from its far end: plans that are made at the
    same time do not get into each other's way.

    Raises RefusedError when there are fewer.
    """
    if len(wanted) == len(LINK_ROLES) and set(wanted) <= set(
        _iter_free(occupancy, _list_blocks(occupancy.host))
    ):
        return dict(zip(LINK_ROLES, wanted, strict=True))
    ordered = _order_blocks(occupancy.host, inventory, tenant, last=last)
    free = [*islice(_iter_free(occupancy, ordered), len(LINK_ROLES))]
    if len(free) < len(LINK_ROLES):
        raise RefusedError(
            f"cannot place an instance on '{occupancy.host.name}': its subnets are used up",
            hint=f"Widen `subnets` of host '{occupancy.host.name}' or retire old instances.",
            page="C5",
        )
    return dict(zip(LINK_ROLES, free, strict=True))


def _order_blocks(host: Host, inventory: Inventory, tenant: str, *, last: bool) -> Iterator[str]:
    blocks = range(FIRST_TENANT_BLOCK, count_blocks(host))
    tenants = sorted({*inventory.tenants, tenant})
    place = tenants.index(tenant)
    begin, end = (len(blocks) * index // len(tenants) for index in (place, place + 1))
    ordered = (blocks[:end][::-1], blocks[end:][::-1]) if last else (blocks[begin:], blocks[:begin])
    return (link_block(host, index) for index in chain(*ordered))


def _list_blocks(host: Host) -> Iterator[str]:
    return (link_block(host, index) for index in range(FIRST_TENANT_BLOCK, count_blocks(host)))


def _iter_free(occupancy: Occupancy, blocks: Iterable[str]) -> Iterator[str]:
    used = [ipaddress.ip_network(cidr) for cidr in sorted(occupancy.subnets)]
    for block in blocks:
        wanted = ipaddress.ip_network(block)
        if not any(wanted.overlaps(other) for other in used):
            yield block


def find_links(reader: HostReader, host: str, instance: Instance) -> dict[LinkRole, str]:
    """The links of an instance as they stand. Raises RefusedError when one is missing."""
    links: dict[LinkRole, str] = {}
    for role in LINK_ROLES:
        network = reader.find_network(instance.network(role))
        if network is None:
            raise RefusedError(
                f"cannot find link '{instance.network(role)}' of '{instance}' on '{host}': it is gone",
                hint=f"See what is left there with `drp status {instance.tenant}`.",
            )
        links[role] = network.subnet
    return links


def _why_not(tenant: Tenant, inventory: Inventory, occupancy: Occupancy) -> str:
    others = {name for name in occupancy.instances.values() if name != tenant.name}
    if tenant.dedicated and others:
        return f"not its own, {', '.join(sorted(others))} stands there"
    owners = [n for n in sorted(others) if n in inventory.tenants and inventory.tenants[n].dedicated]
    if owners:
        return f"dedicated to {owners[0]}"
    missing = tenant.memory - free_memory(inventory, occupancy, without=tenant.name)
    return f"{missing // 2**20} MiB of memory short" if missing > 0 else ""


def _reversed_name(name: str) -> tuple[int, ...]:
    """Sort key by which the alphabetically first name is the greatest."""
    return (*(-ord(char) for char in name), 1)
