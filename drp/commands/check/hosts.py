"""Hosts: engines, their clocks, room on their disks, their networks, the images they hold."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Final

from drp.actions.checks import CLOCK_SKEW
from drp.actions.placement import count_free_links
from drp.commands.check.looks import Look, Trouble
from drp.commands.check.survey import CANARY, LOOK_DEADLINE, Survey
from drp.errors import DrpError
from drp.model.inventory import Host, Site, Tenant
from drp.model.names import LINK_ROLES
from drp.model.specs import VolumeSpec
from drp.model.values import render_size

CLOCK_WARNING: Final = timedelta(seconds=1)
_ROOM: Final = 0.1
"""Part of a disk that should stay free: databases stop before it is full."""
_CANARY_LABELS: Final = {"drp.tenant": "-", "drp.role": "canary"}
_PATIENT_S: Final = LOOK_DEADLINE.total_seconds() + 15


def look_at_engines(survey: Survey) -> Iterator[Look]:
    for host in survey.inventory.hosts():
        yield Look(area="engines", name=host.name, do=partial(_check_engine, survey, host.name))


def _check_engine(survey: Survey, name: str) -> None:
    """It answers, in a version drp speaks, and lets us make and remove: an empty volume harms nobody."""
    survey.state(name)
    host = survey.ports.host(name)
    canary = f"{CANARY}-{survey.token}".lower()
    try:
        host.create_volume(VolumeSpec(name=canary, labels=_CANARY_LABELS))
    finally:
        # also those of checks that were killed
        for volume in {canary, *host.volumes(_CANARY_LABELS)}:
            host.remove_volume(volume)


def look_at_clocks(survey: Survey) -> Iterator[Look]:
    for host in survey.inventory.hosts():
        yield Look(area="clocks", name=host.name, do=partial(_check_clock, survey, host.name))
    yield Look(area="clocks", name="apart", do=partial(_check_apart, survey))


def _check_clock(survey: Survey, name: str) -> Trouble | None:
    reading = survey.clock(name)
    word = "ahead" if reading.offset > timedelta(0) else "behind"
    return _judge_clock(
        reading.surely_off, f"cannot trust the clock of '{name}': it is {{}} {word} of this machine's", name
    )


def _check_apart(survey: Survey) -> Trouble | None:
    """Two engines may both be near this machine's clock and far from each other's."""
    readings = {}
    for host in survey.inventory.hosts():
        # one that does not answer, or is off by itself, is told by the look at that host
        with contextlib.suppress(DrpError):
            reading = survey.clock(host.name)
            if reading.surely_off < CLOCK_WARNING:
                readings[host.name] = reading
    if len(readings) < 2:
        return None
    first = min(readings, key=lambda name: readings[name].offset)
    last = max(readings, key=lambda name: readings[name].offset)
    apart = readings[last].offset - readings[first].offset - readings[last].error - readings[first].error
    return _judge_clock(
        apart, f"cannot trust the clocks of '{first}' and '{last}': they are {{}} apart", last
    )


def _judge_clock(off: timedelta, words: str, host: str) -> Trouble | None:
    if off < CLOCK_WARNING:
        return None
    limit = f"{CLOCK_SKEW.total_seconds():g} s"
    return Trouble(
        message=f"{words.format(f'{off.total_seconds():.1f} s')} (planned runs stop at {limit})",
        hint=f"Repair the time service of '{host}', then `drp check clocks`.",
        code="B9",
        verdict="finding" if off >= CLOCK_SKEW else "warning",
    )


def look_at_space(survey: Survey) -> Iterator[Look]:
    for site in survey.inventory.sites.values():
        if site.hosts:
            do = partial(_check_space, survey, site)
            yield Look(area="space", name=site.name, do=do, deadline_s=_PATIENT_S)


def _check_space(survey: Survey, site: Site) -> Trouble | None:
    """Every tenant served elsewhere finds room, the largest first, each where most is free."""
    grounds = {host.name: survey.ground(host.name) for host in site.hosts}
    free = {name: ground.free_bytes for name, ground in grounds.items()}
    for tenant in sorted(survey.comers(site), key=lambda tenant: (-tenant.disk, tenant.name)):
        host = _roomiest(tenant, site, free)
        if free[host] < tenant.disk:
            return Trouble(
                message=f"cannot hold '{tenant.name}' at '{site.name}': restored it needs "
                f"{render_size(tenant.disk)}, {_tell_free(free)} would be free",
                hint=f"Free disk at '{site.name}' or add a host, then `drp check space`.",
                place=survey.inventory.lines.get(f"tenants.{tenant.name}.disk", ""),
                code="C8",
            )
        free[host] -= tenant.disk
    tight = [name for name, left in free.items() if left < _ROOM * grounds[name].total_bytes]
    if not tight:
        return None
    left, total = render_size(free[tight[0]]), render_size(grounds[tight[0]].total_bytes)
    return Trouble(
        message=f"cannot keep a tenth of the disk of '{tight[0]}' free: with all that '{site.name}' may "
        f"have to take, {left} of {total} are left",
        hint="Free disk there or add a host, then `drp check space`.",
        code="C8",
        verdict="warning",
    )


def _roomiest(tenant: Tenant, site: Site, free: dict[str, int]) -> str:
    fixed = tenant.host if site.name == tenant.home else None
    return fixed or max(sorted(free), key=lambda name: free[name])


def _tell_free(free: dict[str, int]) -> str:
    return ", ".join(f"{render_size(max(0, left))} on {name}" for name, left in free.items())


def look_at_subnets(survey: Survey) -> Iterator[Look]:
    for host in survey.inventory.hosts():
        do = partial(_check_routes, survey, host)
        yield Look(area="subnets", name=host.name, do=do, deadline_s=_PATIENT_S)
    for site in survey.inventory.sites.values():
        if site.hosts:
            yield Look(area="subnets", name=site.name, do=partial(_check_links, survey, site))


def _check_routes(survey: Survey, host: Host) -> Trouble | None:
    """No network that is not drp's own lies over the host's subnets."""
    block = ipaddress.ip_network(host.subnets)
    known = {network.subnet: network for network in survey.ports.host(host.name).networks() if network.subnet}
    foreign = {
        subnet: f"network '{network.name}'"
        for subnet, network in known.items()
        if "drp.role" not in network.labels
    }
    routes = survey.ground(host.name).routes
    foreign |= {route: f"the route to {via}" for route, via in routes.items() if route not in known}
    for subnet, what in foreign.items():
        if ipaddress.ip_network(subnet).overlaps(block):
            return Trouble(
                message=f"cannot use subnets '{block}' of '{host.name}': {what} is {subnet}",
                hint="Give the host other `subnets`, or that network another block: `drp check subnets`.",
                place=_place(survey, host),
                code="C6",
            )
    return None


def _check_links(survey: Survey, site: Site) -> Trouble | None:
    """Links for every tenant that the site may have to take."""
    free = {host.name: count_free_links(survey.occupancy(host)) for host in site.hosts}
    room = sum(links // len(LINK_ROLES) for links in free.values())
    comers = survey.comers(site)
    if room >= len(comers):
        return None
    told = ", ".join(f"{links} on {name}" for name, links in free.items())
    return Trouble(
        message=f"cannot place {len(comers)} tenants at '{site.name}': each takes {len(LINK_ROLES)} link "
        f"subnets, free are {told}",
        hint="Widen `subnets` of a host or retire old stacks, then `drp check subnets`.",
        place=_place(survey, site.hosts[0]),
        code="C5",
    )


def look_at_pools(survey: Survey) -> Iterator[Look]:
    for host in survey.inventory.hosts():
        yield Look(area="pools", name=host.name, do=partial(_check_pools, survey, host))


def _check_pools(survey: Survey, host: Host) -> Trouble | None:
    """An engine gives nobody a network out of what is drp's."""
    block = ipaddress.ip_network(host.subnets)
    for pool in survey.state(host.name).pools:
        if ipaddress.ip_network(pool).overlaps(block):
            return Trouble(
                message=f"cannot keep subnets '{block}' of '{host.name}' for tenants: its engine gives "
                f"networks out of {pool}",
                hint="Set `default-address-pools` of the engine to another block, then `drp check pools`.",
                place=_place(survey, host),
                code="C5",
                verdict="warning",
            )
    return None


def _place(survey: Survey, host: Host) -> str:
    return survey.inventory.lines.get(f"sites.{host.site}.hosts.{host.name}.subnets", "")


def look_at_images(survey: Survey) -> Iterator[Look]:
    for site in survey.inventory.sites.values():
        for host in site.hosts:
            yield Look(area="images", name=host.name, do=partial(_check_images, survey, site, host.name))


def _check_images(survey: Survey, site: Site, name: str) -> Trouble | None:
    """The pinned images lie where they would be started: nothing is pulled in a disaster."""
    missing = survey.missing_images(site, name)
    if not missing:
        return None
    listed = ", ".join(
        names[0] if len(names) == 1 else f"{names[0]} (+{len(names) - 1})" for names in missing
    )
    trouble = Trouble(
        message=f"cannot start all of '{site.name}' on '{name}': it has no image of {listed}",
        hint=f"Load them on '{name}'; a move of the tenant brings them too. Then `drp check images`.",
        code="C12",
    )
    served = any(survey.serving(tenant) for tenant in survey.inventory.tenants)
    # before the first deploy there is nothing to lose, and it brings what is drp's own
    return trouble if served else replace(trouble, verdict="warning")
