"""Facts of a drill: where the bubble of each tenant may stand, and what is restored into it.

A drill takes only what a failover leaves: with its bubbles standing, all that could be placed at their site
when another one is lost can still be placed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from drp.actions.action import ReadPorts
from drp.actions.history import backup_facts, require_newest
from drp.actions.instances import bubble_facts, tenant_facts
from drp.actions.orders import Order, epochs
from drp.actions.placement import Occupancy, choose_host, find_occupancy, occupy
from drp.actions.waves import rank
from drp.errors import DrpError, RefusedError
from drp.model.inventory import Tenant
from drp.model.names import Instance
from drp.model.values import Json, JsonMap


@dataclass(slots=True)
class Ground:
    """The hosts of each site as they are, with the bubbles that were given a place so far."""

    ports: ReadPorts
    served: Mapping[str, str]
    sites: dict[str, dict[str, Occupancy]] = field(default_factory=dict)

    def at(self, site: str) -> dict[str, Occupancy]:
        """Host -> who stands there. Errors: those of the port."""
        if site not in self.sites:
            hosts = self.ports.inventory.sites[site].hosts
            self.sites[site] = {host.name: find_occupancy(host, self.ports.host(host.name)) for host in hosts}
        return self.sites[site]

    def choose(self, tenant: Tenant, site: str, instance: Instance) -> Occupancy:
        """A host with room for a bubble that is in nobody's way. Raises RefusedError."""
        found, without = self.at(site), self.count_fits(site, self.at(site))
        left, reason = dict(found), ""
        while left:
            try:
                chosen = choose_host(tenant, self.ports.inventory, left.values())
            except RefusedError as error:
                raise RefusedError(reason or error.message, hint=error.hint, page=error.page) from error
            name = chosen.host.name
            fits = self.count_fits(site, {**found, name: occupy(chosen, str(instance), tenant.name)})
            lost = sorted(without - fits)
            if not lost:
                return chosen
            reason = reason or (
                f"cannot place a drill of '{tenant.name}' at '{site}': it would take room that a failover "
                f"of '{lost[0]}' needs"
            )
            del left[name]
        raise RefusedError(reason, hint="Drill fewer tenants at once, or add a host to the site.", page="C16")

    def count_fits(self, site: str, found: Mapping[str, Occupancy]) -> frozenset[str]:
        """Tenants that would find a place there, if the site that serves them were lost."""
        fits: set[str] = set()
        for lost in {where for where in self.served.values() if where != site}:
            standing = dict(found)
            tenants = [name for name, where in self.served.items() if where == lost]
            for tenant in sorted((self.ports.inventory.tenants[name] for name in tenants), key=rank):
                try:
                    chosen = choose_host(tenant, self.ports.inventory, standing.values())
                except RefusedError:
                    continue
                standing[chosen.host.name] = occupy(chosen, f"{tenant.name}-e9999", tenant.name)
                fits.add(tenant.name)
        return frozenset(fits)


def drill_facts(ports: ReadPorts, order: Order) -> JsonMap:
    """``order.site``: where, "" for the first site that does not serve the tenant. Raises RefusedError when
    nobody can be drilled."""
    served = {
        name: serving.site
        for name in ports.inventory.tenants
        if (serving := epochs(ports).find_serving(name)) is not None
    }
    ground = Ground(ports, served)
    tenants: list[Json] = []
    left_out: JsonMap = {}
    for tenant in sorted((ports.inventory.tenants[name] for name in order.tenants), key=rank):
        try:
            tenants.append(_tenant(ground, order, tenant))
        except DrpError as error:
            left_out[tenant.name] = error.message
    if not tenants:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
        raise RefusedError(f"cannot drill: {reasons or 'no tenant was named'}")
    return {"run": order.run, "tenants": tenants, "left_out": left_out}


def _tenant(ground: Ground, order: Order, tenant: Tenant) -> JsonMap:
    ports = ground.ports
    backup = backup_facts(require_newest(ports, tenant))
    instance = Instance.of_drill(tenant.name, ports.clock.now(), order.run.rpartition("-")[2])
    site = order.site or _find_site(ground, tenant)
    occupancy = ground.choose(tenant, site, instance)
    everywhere = [host.name for host in ports.inventory.hosts()]
    target = bubble_facts(ports, tenant, occupancy, instance=instance, sources=everywhere)
    links = target["links"]
    assert isinstance(links, dict)
    ground.at(site)[occupancy.host.name] = occupy(
        occupancy, str(instance), tenant.name, subnets=[str(cidr) for cidr in links.values()]
    )
    return {
        **tenant_facts(ports, tenant),
        "target": target,
        # the edges of production are not touched
        "certificate_edges": [],
        "backup": backup,
    }


def _find_site(ground: Ground, tenant: Tenant) -> str:
    serving = ground.served.get(tenant.name)
    sites = [name for name in ground.ports.inventory.sites if name != serving]
    return sites[0] if sites else tenant.home
