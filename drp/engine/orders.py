"""What goes into the scheduler and what comes out of it: plain data, no time, no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from drp.engine.events import Ending
from drp.engine.journal import Draft
from drp.engine.tasks import Outcome, Task


@dataclass(frozen=True, slots=True)
class Resumed:
    """A process goes on with this run. ``again``: what had failed or was stuck is tried once more.
    ``only``: steps of other scopes do not begin (None: as the interrupted session had it, else all)."""

    again: bool = False
    only: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Returned:
    """A worker is back."""

    task: Task
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class CancelAsked:
    """Stop at the next safe point."""


@dataclass(frozen=True, slots=True)
class TurnAsked:
    """Roll back."""


@dataclass(frozen=True, slots=True)
class LeaseLost:
    """Nothing more may begin. ``unlaunched``: tasks ordered, perhaps recorded, but not given to a worker."""

    unlaunched: tuple[Task, ...] = ()


Signal: TypeAlias = Resumed | Returned | CancelAsked | TurnAsked | LeaseLost


@dataclass(frozen=True, slots=True)
class Write:
    """Record this; everything written must be durable before anything is launched."""

    draft: Draft


@dataclass(frozen=True, slots=True)
class Launch:
    """Give this to a worker."""

    task: Task


@dataclass(frozen=True, slots=True)
class Wake:
    """Feed again at this moment (seconds on the clock that ``now`` came from), or when something happens."""

    at: float


@dataclass(frozen=True, slots=True)
class Finish:
    """Nothing is in flight and nothing will be."""

    outcome: Ending


Order: TypeAlias = Write | Launch | Wake | Finish
