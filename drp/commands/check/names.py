"""What clients meet first: name servers, and the certificates that edges present."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Final

from drp.commands.check.looks import Look, Trouble
from drp.commands.check.survey import Survey
from drp.errors import ConflictError, UnreachableError
from drp.model.inventory import Tenant
from drp.ports.dns import RecordSet

_CANARY: Final = "_drp"
_KIND: Final = "TXT"
_FOLLOW: Final = timedelta(seconds=15)
_POLL: Final = timedelta(seconds=0.2)
_EXPIRES_SOON: Final = timedelta(days=14)
_EXPIRES_NOW: Final = timedelta(days=3)
_PORT: Final = 443
_TRANSFER_S: Final = 30.0

_FOLLOWING: Final = {
    "rfc2136": "Repair notify and transfer from {primary} to it, then `drp check dns`.",
    "cloudflare": "See if Cloudflare reports a disturbance and if the zone is at this server, "
    "then `drp check dns`.",
}


def look_at_dns(survey: Survey) -> Iterator[Look]:
    for server in survey.inventory.dns.servers:
        yield Look(area="dns", name=server, do=partial(_check_server, survey, server))
    do = partial(_check_updates, survey)
    yield Look(area="dns", name="updates", do=do, deadline_s=_TRANSFER_S)
    for tenant in survey.inventory.tenants.values():
        for name in tenant.domains:
            yield Look(area="dns", name=name, do=partial(_check_name, survey, tenant, name))


def _check_server(survey: Survey, server: str) -> None:
    """A server without authority for the zone raises."""
    survey.ports.dns().ask(server, survey.inventory.dns.zone, "SOA")


def _check_updates(survey: Survey) -> Trouble | None:
    """A record is added and removed by our key, and every server follows both times."""
    dns, zone = survey.ports.dns(), survey.inventory.dns
    name = f"{_CANARY}.{zone.zone}"
    canary = RecordSet(name=name, type=_KIND, ttl=zone.move_ttl, values=(f'"{survey.token}"',))
    left = dns.find(name, _KIND)
    if left is not None and not all(survey.is_stale(value.strip('"')) for value in left.values):
        return Trouble(
            message=f"cannot try updates of '{zone.zone}': another check has its record '{name}' there",
            hint="`drp check dns` a moment later; a record that is not drp's you remove by hand.",
            place=_zone_place(survey),
            verdict="warning",
        )
    dns.replace(left, canary)
    try:
        behind = _wait(survey, canary, name)
    finally:
        dns.replace(dns.find(name, _KIND), None)
    behind = behind or _wait(survey, None, name)
    if not behind:
        return None
    return Trouble(
        message=f"cannot rely on name server '{behind}': it does not follow a change within "
        f"{_FOLLOW.total_seconds():g} s",
        hint=_FOLLOWING[zone.kind].format(primary=zone.servers[0]),
        place=_zone_place(survey),
        code="G6",
    )


def _zone_place(survey: Survey) -> str:
    return survey.inventory.lines.get(f"dns.{survey.inventory.dns.name}.servers", "")


def _wait(survey: Survey, wanted: RecordSet | None, name: str) -> str:
    """The server that does not answer so in time, or "". What does not answer at all has its own look."""
    dns, clock = survey.ports.dns(), survey.ports.clock
    ends = clock.monotonic() + _FOLLOW.total_seconds()
    for server in dns.servers():
        with contextlib.suppress(UnreachableError):
            while _values(dns.ask(server, name, _KIND)) != _values(wanted):
                if clock.monotonic() >= ends:
                    return server
                clock.wait(_POLL)
    return ""


def _values(found: RecordSet | None) -> tuple[str, ...]:
    return () if found is None else tuple(value.strip('"') for value in found.values)


def _check_name(survey: Survey, tenant: Tenant, name: str) -> Trouble | None:
    """A served tenant's name leads to the site that serves it, with the usual TTL."""
    serving, zone = survey.serving(tenant.name), survey.inventory.dns
    if serving is None or serving.site not in survey.inventory.sites:
        return None
    found = survey.ports.dns().find(name, "CNAME")
    alias = survey.inventory.sites[serving.site].alias
    if found is None or found.values != (alias,):
        is_now = "absent" if found is None else ", ".join(found.values)
        raise ConflictError(
            f"cannot follow '{name}': it is {is_now}, {serving.site} serves it as {alias}",
            hint=f"See what happened with `drp status {tenant.name}`.",
            page="G5",
        )
    if found.ttl <= zone.ttl:
        return None
    return Trouble(
        message=f"cannot move '{name}' quickly: its TTL is {found.ttl} s, usual is {zone.ttl} s",
        hint=f"Lower it by hand, and wait {found.ttl} s before a move.",
        code="G8",
        verdict="warning",
    )


def look_at_handshakes(survey: Survey) -> Iterator[Look]:
    for tenant in survey.inventory.tenants.values():
        for host in survey.inventory.hosts():
            do = partial(_check_handshake, survey, tenant, host.edge)
            yield Look(area="handshakes", name=f"{tenant.name}@{host.name}", do=do)


def _check_handshake(survey: Survey, tenant: Tenant, address: str) -> Trouble | None:
    """Every edge presents a good certificate for every name of a served tenant: any may be met."""
    if survey.serving(tenant.name) is None:
        return None
    for name in tenant.domains:
        left = survey.ports.probes.handshake(address, _PORT, name).not_after - survey.ports.clock.now()
        if left < _EXPIRES_SOON:
            return Trouble(
                message=f"cannot rely on the certificate of '{name}': the one at {address} ends in "
                f"{left.days} days",
                hint=f"Renew it, `drp secrets set {tenant.certificate.name}`, and bring it to the edges.",
                code="G16",
                verdict="finding" if left < _EXPIRES_NOW else "warning",
            )
    return None
