"""Records -> events for those who watch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from drp.engine.events import Event
from drp.engine.fold import RunState
from drp.engine.journal import Record

_RUN: Final = {"plan": "begun", "resumed": "resumed", "cancel": "cancelling", "turn": "turning-back"}
_STEP: Final = {
    "start": "begun",
    "done": "done",
    "already": "already",
    "again": "retrying",
    "failed": "failed",
    "lost": "unsure",
    "undo": "undoing",
    "undone": "undone",
    "undo-again": "retrying",
    "stuck": "stuck",
}


class Teller:
    """Turns records into events; counts steps to tell when a stage begins and is done, for each scope."""

    def __init__(self, state: RunState) -> None:
        self._run = state.plan.run
        self._part_of = {step.id: (step.stage, step.scope) for step in state.plan.steps}
        self._left = Counter(self._part_of[step] for step, found in state.steps.items() if not found.holds)
        self._begun = {self._part_of[step] for step, found in state.steps.items() if found.attempts}

    def tell(self, record: Record) -> Iterator[Event]:
        """The events of one record, in order."""
        if record.kind == "ended":
            yield self._run_event(record, str(record.data["outcome"]))
        elif record.kind in _RUN:
            yield self._run_event(record, _RUN[record.kind])
        elif record.kind in _STEP:
            yield from self._of_step(record, self._part_of[record.step])

    def _of_step(self, record: Record, part: tuple[str, str]) -> Iterator[Event]:
        stage, scope = part
        if part not in self._begun:
            self._begun.add(part)
            yield _stage_event(record, part, "begun")
        yield Event(
            kind="step",
            time=record.time,
            name=record.step,
            stage=stage,
            scope=scope,
            status=_STEP[record.kind],
            attempt=record.attempt,
            data=record.data,
        )
        if record.kind in ("done", "already"):
            self._left[part] -= 1
            if not self._left[part]:
                yield _stage_event(record, part, "done")
        elif record.kind == "failed":
            yield _stage_event(record, part, "failed")

    def _run_event(self, record: Record, status: str) -> Event:
        return Event(kind="run", time=record.time, name=self._run, status=status, data=record.data)


def _stage_event(record: Record, part: tuple[str, str], status: str) -> Event:
    stage, scope = part
    return Event(kind="stage", time=record.time, name=stage, stage=stage, scope=scope, status=status)
