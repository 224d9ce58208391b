"""The plan that puts a tenant in order: what serves it serves fully, what a lost run left is removed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Final

from drp.actions.build import link_address, service_specs
from drp.commands.rebuild.survey import Found, Survey
from drp.model.inventory import Inventory
from drp.model.names import EDGE, LINK_ROLES, LinkRole
from drp.model.plan import Plan, RetryPolicy, Step
from drp.model.values import Json, JsonMap
from drp.ports.hosts import NetworkState

RUNBOOK: Final = "cleanup"
_RETRY: Final = RetryPolicy(attempts=3)
_DEADLINE: Final = timedelta(seconds=60)


def build_cleanup(inventory: Inventory, seen: Survey, lost: list[Found], *, run: str) -> Plan:
    """``lost``: the instances to be removed. A plan without steps when all is in order."""
    steps: list[Step] = []
    for step in _serve_fully(inventory, seen):
        # One after the other: requests go on when the API can answer them.
        steps.append(_behind(step, steps[-1:]))
    served = steps[-1:]
    for each in lost:
        steps += _remove(each, served)
    return Plan(
        run=run, runbook=RUNBOOK, tenant=seen.tenant.name, steps=tuple(steps), inputs={}, on_failure="stop"
    )


def _serve_fully(inventory: Inventory, seen: Survey) -> Iterator[Step]:
    own, tenant = seen.own, seen.tenant
    names: list[Json] = [*tenant.domains]
    if own is not None:
        yield from _revive_api(seen, own)
    for host in seen.held:
        yield _step("serve", f"release/{host}", "edge.release", {"host": host, "names": names})
    for name in seen.low_ttl:
        ttl: JsonMap = {"ttl": inventory.dns.ttl, "usual": inventory.dns.ttl}
        yield _step("serve", f"restore-ttl/{name}", "dns.ttl", {"name": name, "type": "CNAME", **ttl})


def _revive_api(seen: Survey, own: Found) -> Iterator[Step]:
    """A cut-over that was lost has stopped the API and taken it off its databases' links."""
    api = own.instance.container("api")
    links: dict[LinkRole, str] = {
        role: own.networks[own.instance.network(role)].subnet
        for role in LINK_ROLES
        if own.instance.network(role) in own.networks
    }
    found = own.containers.get(api)
    if found is None or len(links) < len(LINK_ROLES):
        return
    (spec,) = (each for each in service_specs(seen.tenant, own.instance, links) if each.name == api)
    for link in spec.attachments:
        if link.network not in found.networks:
            where: JsonMap = {"host": own.host, "network": link.network, "container": api}
            aliases: list[Json] = [*link.aliases]
            params: JsonMap = {**where, "address": link.address, "aliases": aliases}
            yield _step("serve", f"attach/{link.network}", "network.connect", params)
    if not found.running:
        yield _step("serve", "start-api", "container.start", {"host": own.host, "name": api})
        # The cut-over also keeps expired documents from being removed.
        keep: JsonMap = {"instance": str(own.instance), "links": dict(links.items()), "enabled": True}
        yield _step("serve", "expire", "database.ttl-monitor", {"host": own.host, **keep})


def _remove(lost: Found, after: list[Step]) -> list[Step]:
    """As retiring does it: unplugged, halted, removed, then its secrets, volumes and links."""
    name, host = str(lost.instance), lost.host
    edges = {link: network for link, network in lost.networks.items() if EDGE in network.members}
    unplug = [
        _step(name, f"unplug/{link}", "network.unplug", {"host": host, "network": link, **_edge_on(network)})
        for link, network in edges.items()
    ]
    owner: JsonMap = {"host": host, "owner": name, "tenant": lost.instance.tenant}
    groups = [
        unplug,
        [_step(name, f"halt/{each}", "container.halt", _named(host, each)) for each in lost.containers],
        [_step(name, f"remove/{each}", "container.remove", _named(host, each)) for each in lost.containers],
        [_step(name, f"secrets/{name}", "secrets.remove", owner)],
        [_step(name, f"volume/{each}", "volume.remove", _named(host, each)) for each in lost.volumes],
        [_step(name, f"network/{each}", "network.remove", _named(host, each)) for each in lost.networks],
    ]
    steps: list[Step] = []
    question: str | None = f"Remove {name} with all its data from {host}?"
    for group in filter(None, groups):
        # Each waits for all before it; the question is asked of the first.
        after = [replace(_behind(step, after), approval=question) for step in group]
        steps, question = steps + after, None
    return steps


def _named(host: str, name: str) -> JsonMap:
    return {"host": host, "name": name}


def _edge_on(network: NetworkState) -> JsonMap:
    return {"container": EDGE, "address": link_address(network.subnet, "edge")}


def _step(stage: str, name: str, action: str, params: JsonMap) -> Step:
    return Step(id=name, action=action, params=params, stage=stage, retry=_RETRY, deadline=_DEADLINE)


def _behind(step: Step, others: list[Step]) -> Step:
    return replace(step, needs=frozenset(other.id for other in others))
