"""What a run's header keeps for its report: what was promised and expected, to be held against what was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from drp.commands.estimates import Estimate
from drp.model.inventory import Inventory
from drp.model.values import Json, JsonMap

PROMISES = "promises"
"""Key of the header."""


def build_promises(
    inventory: Inventory,
    tenants: Iterable[str],
    *,
    source: str,
    places: Mapping[str, str],
    losses: Mapping[str, float] | None = None,
    estimate: Estimate | None = None,
) -> JsonMap:
    """``zone`` of the company; bars; of each tenant what it is and where it was to go.

    ``places``: tenant -> ``dc5/h3``; ``losses``: tenant -> seconds of writes that may be lost, agreed to.
    """
    bars = {"rto_s": inventory.policies.rto, "rpo_s": inventory.policies.rpo}
    described: JsonMap = {}
    for name in tenants:
        tenant, site = inventory.tenants[name], places.get(name, "").partition("/")[0]
        described[name] = {
            "from": source,
            "to": site,
            "country": inventory.sites[site].residency.country if site in inventory.sites else "",
            "env": tenant.env,
            "tier": tenant.tier,
            "residency": [*tenant.residency],
            "freeze_s": tenant.freeze.total_seconds(),
            **({"loss_s": losses[name]} if losses and name in losses else {}),
        }
    return {
        "zone": inventory.timezone,
        "bars": {name: _seconds(length) for name, length in bars.items() if length is not None},
        "tenants": described,
        **({"predicted": estimate.to_json()} if estimate else {}),
    }


def _seconds(length: timedelta) -> Json:
    return length.total_seconds()
