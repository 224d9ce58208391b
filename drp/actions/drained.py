"""Whether an old stack serves nobody any more: what the witness, the name servers and the old edges show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from drp.actions.action import ReadPorts, WritePorts
from drp.actions.edges import BAD_ANSWERS
from drp.errors import RefusedError
from drp.model.inventory import Host
from drp.model.values import render_duration
from drp.witness.epochs import EpochReader, Serving

_TIMES: Final = 2
"""For how many lives of an old DNS answer nobody may have come: some resolvers keep them longer."""
_TIMEOUT: Final = timedelta(seconds=5)

Ports = ReadPorts | WritePorts


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainedParams:
    """The stack at ``site`` is to go; ``epoch`` serves ``since`` (RFC 3339) in the tenant's ``names``.

    ``ttl``: seconds an old answer may live in a cache.
    """

    tenant: str
    site: str
    epoch: int
    since: str
    ttl: int
    names: tuple[str, ...]


def check_drained(ports: Ports, params: DrainedParams) -> datetime:
    """When it was drained. Raises RefusedError with the moment from which on it may be retired."""
    serving = _require_serving(ports, params)
    _check_serves(ports, params, serving)
    _check_names(ports, params, serving)
    quiet = _TIMES * timedelta(seconds=params.ttl)
    drained_at = datetime.fromisoformat(serving.since) + quiet
    if ports.clock.now() < drained_at:
        raise _refuse(ports, params, f"old answers may live until {_tell(ports, drained_at)}", at=drained_at)
    for host in ports.inventory.sites[params.site].hosts:
        _check_quiet(ports, params, host, wanted=quiet)
    return drained_at


def _require_serving(ports: Ports, params: DrainedParams) -> Serving:
    serving = EpochReader(ports.store(ports.inventory.witness)).find_serving(params.tenant)
    if serving is None or serving.epoch != params.epoch:
        raise _refuse(ports, params, "another epoch serves than was planned")
    return serving


def _check_serves(ports: Ports, params: DrainedParams, serving: Serving) -> None:
    """The new stack answers through its own edge, and the old site's edges lead there."""
    host = ports.inventory.host(serving.host)
    for name in params.names:
        route = ports.edge(host.name).find_route(name)
        if route is None or route.kind != "local":
            is_now = "nowhere" if route is None else str(route)
            raise _refuse(ports, params, f"the edge of {host.name}, which shall serve it, routes to {is_now}")
        answer = ports.probes.get(host.edge, name, "/", _TIMEOUT)
        if answer.status in BAD_ANSWERS:
            raise _refuse(ports, params, f"the new stack at {serving.site} answers {answer.status}")
        for old in ports.inventory.sites[params.site].hosts:
            route = ports.edge(old.name).find_route(name)
            if old.name != host.name and route is not None and route.kind == "local":
                raise _refuse(ports, params, f"the edge of {old.name} still routes '{name}' to the old stack")


def _check_names(ports: Ports, params: DrainedParams, serving: Serving) -> None:
    alias = ports.inventory.sites[serving.site].alias
    for name in params.names:
        for server in ports.dns().servers():
            found = ports.dns().ask(server, name, "CNAME")
            if found is None or found.values != (alias,):
                is_now = "nothing" if found is None else ", ".join(found.values)
                cause = f"name server {server} still answers {is_now} for '{name}', not {alias}"
                raise _refuse(ports, params, cause, hint="`drp check dns` tells what holds it up.")


def _check_quiet(ports: Ports, params: DrainedParams, host: Host, *, wanted: timedelta) -> None:
    for name in params.names:
        quiet = ports.edge(host.name).quiet_for(name)
        if quiet < wanted:
            cause = (
                f"the edge of {host.name} has known of no request for '{name}' for "
                f"{render_duration(quiet)} only, {render_duration(wanted)} are asked for"
            )
            raise _refuse(ports, params, cause, at=ports.clock.now() + wanted - quiet)


def _refuse(
    ports: Ports, params: DrainedParams, cause: str, *, at: datetime | None = None, hint: str = ""
) -> RefusedError:
    if at is not None:
        again = f"`drp retire {params.tenant} --from {params.site}`"
        hint = f"{again} from {_tell(ports, at)} on, if nobody comes until then."
    return RefusedError(
        f"cannot retire '{params.tenant}': {cause}",
        hint=hint or f"See who serves with `drp status {params.tenant}`.",
        page="G7" if at is not None else "",
    )


def _tell(ports: Ports, moment: datetime) -> str:
    return f"{moment.astimezone(ZoneInfo(ports.inventory.timezone)):%F %T %Z}"
