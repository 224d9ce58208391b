"""When each stage began and ended, for each tenant and for the run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from drp.engine.fold import RunState, Status
from drp.engine.journal import Record
from drp.reports.model import Span

Part = tuple[str, str]
"""Scope and stage."""


class Spans:
    """From wall time, pauses between two sessions included: that is how long people waited."""

    def __init__(self, records: Sequence[Record], state: RunState) -> None:
        self._parts: dict[Part, list[str]] = {}
        for step in state.plan.steps:
            self._parts.setdefault((step.scope, step.stage), []).append(step.id)
        self._statuses = {name: step.status for name, step in state.steps.items()}
        self._times: dict[Part, tuple[datetime, datetime]] = {}
        for record in records:
            if record.step in state.scope_of and record.kind != "answer":
                part = state.scope_of[record.step], state.stage_of[record.step]
                began, _ = self._times.get(part, (record.time, record.time))
                self._times[part] = (began, record.time)

    def of(self, scope: str) -> tuple[Span, ...]:
        """The stages of one scope that began, in plan order."""
        return tuple(
            self._span(part[1], [part]) for part in self._parts if part[0] == scope and part in self._times
        )

    def whole(self) -> tuple[Span, ...]:
        """The stages of the run, whosever they are."""
        by_stage: dict[str, list[Part]] = {}
        for part in self._parts:
            if part in self._times:
                by_stage.setdefault(part[1], []).append(part)
        return tuple(self._span(stage, parts) for stage, parts in by_stage.items())

    def _span(self, stage: str, parts: Sequence[Part]) -> Span:
        steps = [step for part in parts for step in self._parts[part]]
        return Span(
            name=stage,
            began=min(self._times[part][0] for part in parts),
            ended=max(self._times[part][1] for part in parts),
            status=_status({self._statuses[step] for step in steps}),
            steps=len(steps),
        )


def _status(found: Iterable[Status]) -> str:
    """That of a stage, from those of its steps: the worst is said."""
    seen = set(found)
    for status, word in (
        ("stuck", "stuck"),
        ("unsure", "unknown"),
        ("failed", "failed"),
        ("undone", "undone"),
    ):
        if status in seen:
            return word
    held = seen & {"done", "already"}
    return "done" if seen == held else "part" if held else "waiting"
