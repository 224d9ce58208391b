"""A run that may go on now, as one value; and as the witness keeps it for whoever takes it up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from drp.commands.results import Served
from drp.model.plan import Plan
from drp.model.values import JsonMap


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """``before``: who served when the run first began; ``expected``: the site that shall serve at its end.

    ``source`` and ``target`` as ``dc3/h1``. ``back``: undo instead of
    going forward. ``began``: when this process took it up; ``now``: who serves at that moment, when
    that is not ``before``.
    """

    plan: Plan
    verb: str
    before: Served
    expected: str
    source: str
    target: str
    began: datetime
    answers: Mapping[str, str] = field(default_factory=dict)
    now: Served | None = None
    back: bool = False
    can_go_back: bool = True


def describe(assignment: Assignment) -> JsonMap:
    """What another machine must know besides the plan."""
    return {
        "serves": assignment.before.site,
        "epoch": assignment.before.epoch,
        "expected": assignment.expected,
        "from": assignment.source,
        "to": assignment.target,
    }
