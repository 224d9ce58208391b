"""From what the engine tells to what people and machines are told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import get_args

from drp.commands.estimates import Estimate
from drp.commands.events import (
    UNKNOWN,
    Emit,
    ProgressEvent,
    RunEvent,
    StageEvent,
    StageStatus,
    StepEvent,
    StepStatus,
    WorldEvent,
)
from drp.commands.pace import Pace
from drp.engine import events as engine
from drp.model.plan import Plan
from drp.model.values import Json

_STEP_WORDS: Mapping[str, StepStatus] = {"already": "done"}
_STAGE_WORDS: Mapping[str, StageStatus] = {"begun": "begun", "failed": "failed"}
_HOLD = "edge.hold"
_OUTCOMES = frozenset(get_args(engine.Ending))


class Narrator:
    """The engine's sink: counts the steps of each stage, and times steps and stages."""

    def __init__(
        self,
        emit: Emit,
        plan: Plan,
        *,
        verb: str,
        source: str,
        target: str,
        before: WorldEvent | None,
        estimate: Estimate | None = None,
    ) -> None:
        """``before``: what is known of the world when the run begins; told right after it has begun.

        None in a run over many tenants: their world is told at its end. ``estimate``: how long it will take.
        """
        self._emit = emit
        self._plan = plan
        self._verb = verb
        self._source = source
        self._target = target
        self._before = before
        self._estimate = estimate
        self._totals = Counter(step.stage for step in plan.steps)
        self._done: dict[str, set[str]] = {}
        self._began: dict[str, datetime] = {}
        self._is_moving = False
        self._paces: dict[str, Pace] = {}
        self._final = {step.id for step in plan.steps if step.final}
        self._holds = {step.id for step in plan.steps if step.action == _HOLD}
        self._is_held = False
        self._tenant_of = {step.id: step.scope for step in plan.steps if step.scope}

    def __call__(self, event: engine.Event) -> None:
        {"run": self._run, "stage": self._stage, "step": self._step, "progress": self._progress}[event.kind](
            event
        )

    def _run(self, event: engine.Event) -> None:
        """The engine's own end is not told: how a run ended is known only when somebody has looked."""
        if event.status in _OUTCOMES:
            return
        estimate = self._estimate if event.status == "begun" else None
        self._emit(
            RunEvent(
                run=self._plan.run,
                name=self._verb,
                tenant=self._plan.tenant,
                status=event.status,
                source=self._source,
                target=self._target,
                steps=len(self._plan.steps),
                eta_s=round(estimate.seconds) if estimate else None,
                spread_s=round(estimate.spread_s) if estimate else None,
                stages=tuple(self._totals.items()),
            )
        )
        if event.status in ("begun", "resumed") and self._before is not None:
            self._emit(self._before)

    def _stage(self, event: engine.Event) -> None:
        if event.status == "begun":
            self._began[event.name] = event.time
        self._emit(
            StageEvent(
                name=event.name,
                tenant=self._plan.tenant,
                status=_STAGE_WORDS.get(event.status, "done"),
                done=len(self._done.get(event.name, ())),
                total=self._totals[event.name],
                elapsed_ms=None if event.status == "begun" else self._elapsed(event.name, event.time),
            )
        )

    def _step(self, event: engine.Event) -> None:
        if event.status in ("begun", "undoing"):
            self._began[event.name] = event.time
            self._tell_world(event)
        if event.status in ("done", "already"):
            self._done.setdefault(event.stage, set()).add(event.name)
        self._emit(
            StepEvent(
                step=event.name,
                stage=event.stage,
                tenant=self._tenant_of.get(event.name, self._plan.tenant),
                attempt=event.attempt,
                status=_STEP_WORDS.get(event.status, event.status),  # type: ignore[arg-type]
                elapsed_ms=None if event.status == "begun" else self._elapsed(event.name, event.time),
                reason=_reason(event),
            )
        )

    def _tell_world(self, event: engine.Event) -> None:
        """What a step that begins takes from the world: first that requests go on, then who serves.

        From then on nobody knows until somebody has looked.
        """
        if event.status != "begun" or self._before is None:
            return
        if event.name in self._holds and not self._is_held:
            self._is_held = True
            self._emit(replace(self._before, writes=False, probed=None))
        if event.name in self._final and not self._is_moving:
            self._is_moving = True
            self._emit(WorldEvent(tenant=self._plan.tenant, serves=UNKNOWN, writes=None, way_back="none"))

    def _progress(self, event: engine.Event) -> None:
        done, total = _whole(event.data.get("done")) or 0, _whole(event.data.get("total")) or None
        pace = self._paces.setdefault(event.name, Pace())
        if not pace.take(event.time, done, total):
            return
        self._emit(
            ProgressEvent(
                step=event.name,
                stage=event.stage,
                tenant=self._tenant_of.get(event.name, self._plan.tenant),
                done=done,
                total=total,
                unit=str(event.data.get("unit", "")),
                rate=pace.rate(),
                eta_s=pace.eta_s(total),
            )
        )

    def _elapsed(self, name: str, now: datetime) -> int | None:
        began = self._began.get(name)
        return None if began is None else round((now - began).total_seconds() * 1000)


def _whole(value: Json) -> int | None:
    return int(value) if isinstance(value, int | float) else None


def _reason(event: engine.Event) -> str:
    found = event.data.get("failure", event.data)
    message = found.get("message") if isinstance(found, dict) else None
    return str(message) if message and event.status not in ("done", "already", "begun") else ""
