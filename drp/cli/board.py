"""The state of a run as it is shown: folded from events, drawn by whoever likes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from drp.commands.events import (
    Event,
    ProgressEvent,
    RunEvent,
    StageEvent,
    StepEvent,
    WorldEvent,
)


@dataclass(slots=True)
class StageRow:
    """One stage. ``going``: steps under way, oldest first; ``progress`` the last one of each."""

    name: str
    total: int
    status: str = "waiting"
    done: set[str] = field(default_factory=set)
    began: datetime | None = None
    elapsed_ms: int | None = None
    going: list[str] = field(default_factory=list)
    progress: dict[str, ProgressEvent] = field(default_factory=dict)


@dataclass(slots=True)
class Board:
    """Everything a live view shows."""

    run: str = ""
    title: str = ""
    status: str = ""
    began: datetime | None = None
    eta_s: int | None = None
    spread_s: int | None = None
    rows: dict[str, StageRow] = field(default_factory=dict)
    world: WorldEvent | None = None

    def take(self, event: Event, now: datetime) -> None:
        """Let one event change the board."""
        match event:
            case RunEvent():
                self._run(event, now)
            case StageEvent():
                self._stage(event, now)
            case StepEvent():
                self._step(event)
            case ProgressEvent():
                self._row(event.stage).progress[event.step] = event
            case WorldEvent():
                self.world = event

    def current(self) -> StageRow | None:
        """The stage in which something is going on, the last one when there are several."""
        return next((row for row in reversed(self.rows.values()) if row.going), None)

    def _row(self, name: str) -> StageRow:
        return self.rows.setdefault(name, StageRow(name, 0))

    def _run(self, event: RunEvent, now: datetime) -> None:
        self.run, self.status = event.run, event.status
        if event.steps:
            way = " → ".join(end for end in (event.source, event.target) if end)
            self.title = f"{event.name} {event.tenant} {way}".rstrip()
        if self.began is None:
            self.began, self.eta_s, self.spread_s = now, event.eta_s, event.spread_s
        for name, total in event.stages:
            self._row(name).total = total

    def _stage(self, event: StageEvent, now: datetime) -> None:
        row = self._row(event.name)
        row.status, row.total = event.status, event.total
        if event.status == "begun":
            row.began = now
        row.elapsed_ms = event.elapsed_ms

    def _step(self, event: StepEvent) -> None:
        row = self._row(event.stage)
        if event.step in row.going:
            row.going.remove(event.step)
        if event.status in ("begun", "undoing"):
            row.going.append(event.step)
        if event.status == "done":
            row.done.add(event.step)
        if event.status == "undone":
            row.done.discard(event.step)
        row.progress.pop(event.step, None)
