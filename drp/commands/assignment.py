"""A run that may go on now, as one value; and as the witness keeps it for whoever takes it up."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from typing import Final

from drp.actions.moves import FLEET
from drp.commands.estimates import Estimate
from drp.commands.results import Review, Served
from drp.engine.journal import Record
from drp.model.plan import Plan
from drp.model.values import Json, JsonMap

WAITS: Final = "waits"
"""Key of a run's header: it was recorded to be approved later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """``before``: who served when the run first began; ``expected``: the site that shall serve at its end.

    ``source`` and ``target`` as ``dc3/h1``. ``back``: undo instead of
    going forward. ``began``: when this process took it up; ``now``: who serves at that moment, when
    that is not ``before``. ``header``: as in ``build_header``;
    ``estimate``: how long it will take in all, when that is known.
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
    header: JsonMap = field(default_factory=dict)
    estimate: Estimate | None = None


def build_header(shown: Review) -> JsonMap:
    """What the first record of a run holds beside its plan: made by which drp, on what, from what.

    ``world`` names what the plan rests on, ``seen`` is what was seen of each step when it was made.
    """
    return {
        "run": shown.plan.run,
        "drp": version("drp"),
        "machine": socket.gethostname(),
        "plan": shown.plan.digest(),
        "inventory": shown.inventory,
        "world": shown.digest,
        "order": {"verb": shown.verb, "tenant": shown.tenant, "site": shown.site},
        "seen": {verdict.step.id: verdict.word for verdict in shown.verdicts},
    }


def header_of(records: Sequence[Record]) -> JsonMap:
    """The header of a run; {} when it has none."""
    found = records[0].data.get("header") if records else None
    return found if isinstance(found, dict) else {}


def text_of(value: Json) -> str:
    """A detail that is a text, or ""."""
    return value if isinstance(value, str) else ""


def describe(assignment: Assignment) -> JsonMap:
    """What another machine must know besides the plan."""
    return {
        "serves": assignment.before.site,
        "epoch": assignment.before.epoch,
        "expected": assignment.expected,
        "from": assignment.source,
        "to": assignment.target,
        WAITS: assignment.header.get(WAITS) is True,
        **{key: assignment.header[key] for key in (FLEET,) if key in assignment.header},
    }
