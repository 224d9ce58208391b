"""What a run's end is called: the engine's outcome weighed with who serves now. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from drp.commands.endings import (
    AS_BEFORE,
    CANCELLED,
    DONE,
    PARTIAL,
    REFUSED,
    STUCK,
    UNKNOWN,
    Ending,
)
from drp.commands.results import Served
from drp.engine.events import Ending as Outcome
from drp.engine.tasks import Failed
from drp.model.plan import Plan

_UNTOUCHED = frozenset({"pending", "already"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything an ending rests on. ``expected`` is the site that serves when all went well."""

    outcome: Outcome
    touched: bool
    failure: Failed | None
    before: Served
    after: Served
    expected: str
    asked_back: bool = False
    """The operator wanted the run taken back, so that is success."""


def judge(evidence: Evidence) -> Ending:
    """The word for it. Never better than what was seen: unproven is ``unknown``, whatever the engine says."""
    after = evidence.after
    match evidence.outcome:
        case "done":
            return DONE if after.site == evidence.expected and after.writes else UNKNOWN
        case "stuck":
            return STUCK
        case "unknown":
            return UNKNOWN
        case "cancelled":
            return CANCELLED if after.is_proven else UNKNOWN
        case "partial":
            return PARTIAL if after.is_proven else UNKNOWN
        case "stopped" if evidence.touched:
            return PARTIAL if after.is_proven else UNKNOWN
    return _judge_way_back(evidence)


def _judge_way_back(evidence: Evidence) -> Ending:
    """All was undone, or nothing was done: only "as before" when that is what is seen."""
    before, after = evidence.before, evidence.after
    if not after.is_proven or (after.site, after.epoch) != (before.site, before.epoch):
        return UNKNOWN
    if evidence.asked_back:
        return DONE
    refused = evidence.failure is not None and evidence.failure.error == "RefusedError"
    return REFUSED if refused and not evidence.touched else AS_BEFORE


def is_touched(plan: Plan, states: Mapping[str, str]) -> bool:
    """True when a step that changes something has begun (an undone one has, too)."""
    return any(states[step.id] not in _UNTOUCHED for step in plan.steps if not step.read_only)
