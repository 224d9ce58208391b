"""Who would stand where at the target: placed one by one, in the order and by the rules of a failover."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Final

from drp.actions.placement import (
    Occupancy,
    choose_host,
    choose_links,
    count_free_links,
    free_memory,
)
from drp.actions.waves import rank
from drp.commands.check.looks import Trouble
from drp.commands.check.survey import Survey
from drp.commands.readiness.results import Cause, HostRoom, Reason
from drp.errors import DrpError, RefusedError
from drp.model.inventory import Inventory, Tenant
from drp.model.values import render_size


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """``places`` tenant -> host; ``causes`` says why the others have none, and whom a disk cannot hold."""

    places: Mapping[str, str]
    hosts: tuple[HostRoom, ...]
    causes: tuple[Cause, ...]


def find_fit(survey: Survey, site: str, tenants: Iterable[Tenant]) -> Fit:
    """Hosts that do not answer take nobody; that they do not is told by the look at them."""
    work = _Filling(survey.inventory, site)
    work.look(survey)
    for tenant in sorted(tenants, key=rank):
        work.place(tenant)
    return Fit(places=work.places, hosts=tuple(work.rooms()), causes=tuple(work.causes))


class _Filling:
    """The target as it fills."""

    def __init__(self, inventory: Inventory, site: str) -> None:
        self._inventory = inventory
        self._site = site
        self._hosts: dict[str, Occupancy] = {}
        self._free: dict[str, int] = {}
        self._numbers = count()
        self.places: dict[str, str] = {}
        self.causes: list[Cause] = []

    def look(self, survey: Survey) -> None:
        for host in self._inventory.sites[self._site].hosts:
            try:
                self._hosts[host.name] = survey.occupancy(host)
                self._free[host.name] = survey.ground(host.name).free_bytes
            except DrpError:
                continue

    def place(self, tenant: Tenant) -> None:
        if not self._hosts:
            return
        try:
            found = choose_host(tenant, self._inventory, self._hosts.values())
        except RefusedError as error:
            self._refuse("memory", tenant, error.message, code="L1")
            return
        try:
            links = choose_links(found, self._inventory, tenant.name)
        except RefusedError as error:
            self._refuse("subnets", tenant, error.message, code=error.page)
            return
        name = found.host.name
        self.places[tenant.name] = name
        self._hosts[name] = replace(
            found,
            instances={**found.instances, f"to-come-{next(self._numbers)}": tenant.name},
            subnets=found.subnets | {*links.values()},
        )
        self._take_disk(tenant, name)

    def _take_disk(self, tenant: Tenant, host: str) -> None:
        free = self._free.get(host)
        if free is None:
            return
        self._free[host] = free - tenant.disk
        if free < tenant.disk:
            self._refuse(
                "disk",
                tenant,
                f"cannot hold '{tenant.name}' on '{host}': restored it needs {render_size(tenant.disk)}, "
                f"{render_size(max(0, free))} would be free",
                code="C8",
            )

    def _refuse(self, reason: Reason, tenant: Tenant, message: str, *, code: str) -> None:
        trouble = Trouble(
            message=message,
            hint="See each host with `drp readiness --fit`; free it, or add one to the site.",
            place=self._inventory.lines.get(f"tenants.{tenant.name}.{_KEYS[reason]}", ""),
            code=code,
        )
        self.causes.append(Cause(reason=reason, trouble=trouble, tenant=tenant.name))

    def rooms(self) -> Sequence[HostRoom]:
        return [
            HostRoom(
                host=name,
                tenants=tuple(tenant for tenant, host in self.places.items() if host == name),
                memory_used=found.host.memory - free_memory(self._inventory, found),
                memory=found.host.memory,
                links_left=count_free_links(found),
                disk_left=self._free.get(name),
                disk=found.host.disk,
            )
            for name, found in self._hosts.items()
        ]


_KEYS: Final[Mapping[Reason, str]] = {"memory": "memory", "disk": "disk", "subnets": "home"}
