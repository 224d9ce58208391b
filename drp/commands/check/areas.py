"""The areas of ``drp check``, and the one place that knows all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final

from drp.actions.action import WritePorts
from drp.commands.check import backups, bundles, hosts, names, stores, work
from drp.commands.check.isolation import look_at_isolation
from drp.commands.check.looks import Look, look_all
from drp.commands.check.report import build_listing
from drp.commands.check.survey import Survey
from drp.commands.results import Listing
from drp.config.needed import NeededSecret, needed_secrets
from drp.errors import RefusedError
from drp.witness.leases import IsAlive

Area = Callable[[Survey], Iterator[Look]]


def _look_at_config(survey: Survey) -> Iterator[Look]:
    """It was read to get here; what was wrong with it was said then."""
    yield Look(area="config", name=survey.inventory.digest[:12], do=lambda: None)


def _look_at_secrets(survey: Survey) -> Iterator[Look]:
    for each in needed_secrets(survey.inventory):
        yield Look(area="secrets", name=str(each.ref), do=partial(_check_secret, survey, each))


def _check_secret(survey: Survey, needed: NeededSecret) -> None:
    survey.ports.secret(needed.ref)


AREAS: Final[Mapping[str, Area]] = {
    "config": _look_at_config,
    "secrets": _look_at_secrets,
    "engines": hosts.look_at_engines,
    "clocks": hosts.look_at_clocks,
    "space": hosts.look_at_space,
    "subnets": hosts.look_at_subnets,
    "pools": hosts.look_at_pools,
    "images": hosts.look_at_images,
    "stores": stores.look_at_stores,
    "witness": stores.look_at_witness,
    "backups": backups.look_at_backups,
    "bundles": bundles.look_at_bundles,
    "handshakes": names.look_at_handshakes,
    "dns": names.look_at_dns,
    "epochs": work.look_at_epochs,
    "runs": work.look_at_runs,
    "isolation": look_at_isolation,
}

ONLY_ASKED: Final = frozenset({"isolation"})
"""Areas left out unless they are named: a proof starts some ten helpers for each tenant."""


def check(ports: WritePorts, areas: Sequence[str], *, is_alive: IsAlive) -> Listing:
    """Look at these areas, or at all that cost little. The ending is ``findings`` when something is not well.

    All that is written is a canary where a right to write cannot be told otherwise (a volume, an object, a
    record), and it is taken away again. Raises RefusedError for an area there is not.
    """
    unknown = [area for area in areas if area not in AREAS]
    if unknown:
        raise RefusedError(
            f"cannot check '{unknown[0]}': there is no such area", hint=f"Areas: {', '.join(AREAS)}."
        )
    wanted = [area for area in AREAS if area in areas or not (areas or area in ONLY_ASKED)]
    survey = Survey(ports, is_alive=is_alive)
    return build_listing(wanted, look_all([look for area in wanted for look in AREAS[area](survey)]))
