"""In which groups many tenants move: a canary wave, then by importance. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from typing import Final

from drp.model.inventory import Tenant
from drp.model.policies import WavePolicy
from drp.model.values import Json

CANARY: Final = "canary"
TIERS: Final = ("gold", "silver", "bronze")


@dataclass(frozen=True, slots=True)
class Wave:
    """A group that moves together; those of the next begin when all of it has ended."""

    name: str
    tenants: tuple[str, ...]


def rank(tenant: Tenant) -> tuple[bool, int, int, str]:
    """Order of importance: production, tier, the biggest first."""
    return (tenant.env != "production", TIERS.index(tenant.tier), -tenant.disk, tenant.name)


def make_waves(tenants: Sequence[Tenant], policy: WavePolicy) -> list[Wave]:
    """Every tenant in one of them. The canaries are the smallest: what is wrong with all shows earliest."""
    ordered = sorted(tenants, key=rank)
    if len(ordered) < policy.least:
        return [Wave("all", tuple(tenant.name for tenant in ordered))] if ordered else []
    smallest = sorted(ordered, key=lambda tenant: (tenant.disk, *rank(tenant)))[: policy.canary]
    canaries = tuple(tenant.name for tenant in smallest)
    waves = [Wave(CANARY, canaries)]
    rest = [tenant for tenant in ordered if tenant.name not in canaries]
    for name, group in groupby(rest, key=_group):
        members = [tenant.name for tenant in group]
        parts = [members[at : at + policy.size] for at in range(0, len(members), policy.size)]
        for number, part in enumerate(parts, start=1):
            waves.append(Wave(f"{name}-{number}" if len(parts) > 1 else name, tuple(part)))
    return waves


def limit(policy: WavePolicy, at_once: int) -> WavePolicy:
    """The same with waves of at most so many tenants; 0: as it is."""
    if not at_once:
        return policy
    return replace(policy, least=1, canary=min(policy.canary, at_once), size=min(policy.size, at_once))


def _group(tenant: Tenant) -> str:
    return tenant.tier if tenant.env == "production" else f"other-{tenant.tier}"


def gate_facts(waves: Sequence[Wave]) -> list[Json]:
    """What the gates of all waves but the first are made from."""
    return [
        {"name": wave.name, "after": before.name, "before": [*before.tenants]}
        for before, wave in pairwise(waves)
    ]
