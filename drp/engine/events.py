"""What a run tells while it goes on, and what it says at its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from drp.engine.tasks import Failed
from drp.model.values import JsonMap

EventKind = Literal["run", "stage", "step", "progress"]
Ending = Literal["done", "rolled-back", "stopped", "stuck", "cancelled", "unknown", "partial"]
ScopeEnding = Literal["done", "failed", "unknown", "unfinished", "undone", "stuck"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that has happened, and is durable in the journal (progress excepted: it is kept nowhere).

    ``name`` is the run, the stage or the step. ``status``: ``begun`` and ``done`` for all three;
    a run ends with its ``Ending``, or is ``resumed``, ``cancelling``, ``turning-back``, ``not-turning-back``,
    ``pausing`` or ``going-on``; a step also ``already failed retrying unsure undoing undone stuck``.
    ``data``: outputs, the failure or the progress as the action gave it. ``scope``: whose step or stage it
    is; a stage of many scopes begins and ends once for each.
    """

    kind: EventKind
    time: datetime
    name: str
    status: str = ""
    stage: str = ""
    scope: str = ""
    attempt: int = 0
    data: JsonMap = field(default_factory=dict)


Sink: TypeAlias = Callable[[Event], None]
"""Is given every event in order, on the run's own thread; it must not raise."""


def ignore_events(event: Event) -> None:
    """The sink of a run that nobody watches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The first step that failed (of the run, or of its scope), and why."""

    step: str
    stage: str
    scope: str = ""
    attempt: int
    cause: Failed

    def to_json(self) -> JsonMap:
        """What a step that comes after it is told."""
        return {"step": self.step, "error": self.cause.error, "message": self.cause.message}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """How a run ended. ``seconds`` maps each stage that began to its length (wall time, all sessions).

    ``outcome``: ``done``; ``rolled-back``: everything begun was undone; ``stopped``: failed, left as it is
    by the runbook's wish; ``partial``: failed, and what did not need the failed step is done and stays;
    ``unknown``: a final step or a worker was left in doubt; ``stuck``: an undo failed; ``cancelled``: at a
    safe point. ``states`` maps each step to its state. ``failures`` holds the first failure of each scope
    that has one ("" is the plan's own scope), ``scopes`` how each ended: ``done``: all of it holds;
    ``unknown``: a final step is in doubt; ``failed``; ``unfinished``: nothing failed, a part did not begin;
    ``undone``, ``stuck``: the run went back.
    """

    outcome: Ending
    failure: Failure | None
    seconds: Mapping[str, float]
    states: Mapping[str, str]
    failures: Mapping[str, Failure] = field(default_factory=dict)
    scopes: Mapping[str, ScopeEnding] = field(default_factory=dict)
