"""Progress without a terminal: one line an event, fixed columns, no escape codes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import Final

from drp.cli.board import Board
from drp.cli.progress_text import render_eta, render_progress
from drp.cli.screen import Screen, to_plain
from drp.cli.words import render_seconds
from drp.commands.events import (
    UNKNOWN,
    Event,
    ProgressEvent,
    RunEvent,
    StageEvent,
    StepEvent,
    WarningEvent,
    WorldEvent,
)
from drp.commands.runs import tail_of

_TOLD_STEPS: Final = frozenset({"failed", "retrying", "unsure", "undoing", "undone", "stuck"})


class LineView:
    """Writes lines to a screen (or a log file). ``tick`` may come from a thread of its own."""

    def __init__(
        self, screen: Screen, zone: tzinfo, *, now: Callable[[], datetime], verbose: bool = False
    ) -> None:
        """After ``screen.silence`` without a line, one is written that says what is going on."""
        self._screen = screen
        self._zone = zone
        self._now = now
        self._verbose = verbose
        self._board = Board()
        self._tenant = ""
        self._last = now()
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        with self._lock:
            self._board.take(event, self._now())
            self._tenant = getattr(event, "tenant", self._tenant)
            found = self._line(event)
            if found is not None:
                self._write(*found)

    def tick(self) -> None:
        """Give a sign of life when nothing was written for long."""
        with self._lock:
            row = self._board.current()
            if row is None or self._now() - self._last < self._screen.silence:
                return
            step = row.going[0]
            progress = row.progress.get(step)
            text = f"{step} {render_progress(progress)}" if progress else step
            self._write(row.name, "going", text)

    def _write(self, stage: str, status: str, text: str) -> None:
        self._last = self._now()
        time = self._last.astimezone(self._zone).isoformat(timespec="seconds")
        run = tail_of(self._board.run) or "-"
        line = f"{time} {run} {self._tenant or '-'} {stage:<14} {status:<5} {text}"
        self._screen.lines([to_plain(line.rstrip())])

    def _line(self, event: Event) -> tuple[str, str, str] | None:
        """Stage, status and text; None for what is not told here."""
        match event:
            case RunEvent():
                return "run", event.status, _run_text(event)
            case StageEvent():
                return event.name, event.status, _stage_text(event)
            case StepEvent() if self._verbose or event.status in _TOLD_STEPS:
                return event.stage, event.status, _step_text(event)
            case ProgressEvent() if self._now() - self._last >= self._screen.silence:
                return event.stage, "going", f"{event.step} {render_progress(event)}"
            case WorldEvent():
                return "world", "-", _world_text(event)
            case WarningEvent():
                return event.code, "WARN", event.text
        return None


def _run_text(event: RunEvent) -> str:
    way = " -> ".join(end for end in (event.source, event.target) if end)
    steps = f", {event.steps} steps" if event.steps and event.status == "begun" else ""
    eta = f", ETA {render_eta(event.eta_s, event.spread_s)}" if event.eta_s is not None else ""
    return f"{way}{steps}{eta}" if way and event.status == "begun" else event.reason


def _stage_text(event: StageEvent) -> str:
    took = f" in {render_seconds(event.elapsed_ms / 1000)}" if event.elapsed_ms is not None else ""
    return f"{event.done}/{event.total} steps{took}" if event.status != "begun" else f"{event.total} steps"


def _step_text(event: StepEvent) -> str:
    attempt = f" attempt {event.attempt}" if event.attempt > 1 else ""
    reason = f": {event.reason}" if event.reason else ""
    took = f" in {render_seconds(event.elapsed_ms / 1000)}" if event.elapsed_ms is not None else ""
    return f"{event.step}{attempt}{took}{reason}"


def _world_text(event: WorldEvent) -> str:
    writes = {True: " and accepts writes", False: " and holds requests", None: ""}[event.writes]
    who = f"{event.serves} serves{writes}" if event.serves != UNKNOWN else "who serves is not proven"
    return f"{who}; way back: {event.way_back}"
