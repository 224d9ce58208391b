"""Whether an open run may still change who serves a tenant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from drp.actions.orders import MOVES
from drp.witness.epochs import EpochReader, Serving
from drp.witness.runs import RunBegin

_HARMLESS: Final = frozenset({"start", "backup", "reserve", "drill", *MOVES})
"""Verbs of runs that leave it as it is. A move of many has a run of its own for each tenant."""


def find_work(reader: EpochReader, opened: Iterable[RunBegin], serving: Serving) -> RunBegin | None:
    """The first of the open runs that is at work on the tenant.

    A run over many is through with a tenant when it has claimed no epoch above the one that serves: it may
    stay open for others for as long as they are not cured. Errors: those of the store.
    """
    return next((begin for begin in opened if _is_at_work(reader, begin, serving)), None)


def _is_at_work(reader: EpochReader, begin: RunBegin, serving: Serving) -> bool:
    if begin.verb in _HARMLESS:
        return False
    named = begin.details.get("tenants")
    if not isinstance(named, list):
        return begin.scope == serving.tenant
    if serving.tenant not in named:
        return False
    later = range(serving.epoch + 1, reader.next_epoch(serving.tenant))
    claims = (reader.find_claim(serving.tenant, epoch) for epoch in later)
    return any(claim is not None and claim.run == begin.run for claim in claims)
