"""What ``drp start`` means by its one word: a host, or a tenant on the host that serves it."""

from __future__ import annotations

from drp.actions.action import ReadPorts
from drp.actions.orders import Order, epochs
from drp.actions.placement import find_occupancy, without_drills
from drp.errors import RefusedError, UsageError
from drp.model.inventory import Host
from drp.model.values import render_list


def build_start(ports: ReadPorts, word: str) -> Order:
    """Raises UsageError for a word that names nothing, RefusedError for a tenant that nobody serves."""
    hosts = {host.name: host for host in ports.inventory.hosts()}
    if word in hosts:
        return start_host(ports, hosts[word])
    if word in ports.inventory.tenants:
        return _start_tenant(ports, word)
    raise UsageError(
        f"cannot start '{word}': it is neither a host nor a tenant",
        hint=f"Hosts: {render_list(sorted(hosts))}; who is served where says `drp status`.",
    )


def start_host(ports: ReadPorts, host: Host) -> Order:
    """All that is served there, and all that stands there though it is served elsewhere: it is named so."""
    standing = set(without_drills(find_occupancy(host, ports.host(host.name))).instances.values())
    found = [name for name in ports.inventory.tenants if name in standing or _is_served(ports, name, host)]
    return Order(verb="start", run="", tenant="", tenants=tuple(found), site=host.site, host=host.name)


def _is_served(ports: ReadPorts, tenant: str, host: Host) -> bool:
    serving = epochs(ports).find_serving(tenant)
    return serving is not None and serving.host == host.name


def _start_tenant(ports: ReadPorts, tenant: str) -> Order:
    serving = epochs(ports).find_serving(tenant)
    if serving is None:
        raise RefusedError(
            f"cannot start '{tenant}': the witness knows of no site that serves it",
            hint=f"Create it with `drp deploy {tenant}`.",
            page="L10",
        )
    return Order(verb="start", run="", tenant="", tenants=(tenant,), site=serving.site)
