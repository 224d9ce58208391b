"""Progress on a terminal: a block that is redrawn in place, never taller than the screen."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import IO, Final, cast

from rich.console import Console, ConsoleDimensions, ConsoleOptions, RenderResult
from rich.control import Control
from rich.live import Live
from rich.text import Text

from drp.cli.board import Board, StageRow
from drp.cli.progress_text import render_eta, render_progress
from drp.cli.screen import Screen
from drp.cli.words import render_seconds
from drp.commands.events import Event, RunEvent, StepEvent, WarningEvent, WorldEvent

_BEGIN: Final = frozenset({"begun", "resumed"})
_TOLD_STEPS: Final = frozenset({"failed", "retrying", "unsure", "undoing", "stuck"})
_TOLD_RUNS: Final = {
    "cancelling": "- stopping at the next safe point · Ctrl-C again leaves at once, who serves unproven",
    "turning-back": "! turning back: what was begun is undone",
    "not-turning-back": "! not turning back: the final step has begun",
    "pausing": "! the witness does not answer: nothing begins until it does · stops after 5 minutes",
    "going-on": "✓ the witness answers again: going on",
}
_KEYS: Final = " keys   Ctrl-C stops at a safe point · closing this terminal stops nothing"
_MARKS: Final = {"done": "✓", "failed": "✗", "begun": "▶"}


class _Guarded(io.TextIOBase):
    """The screen as a file: a terminal that went away raises nothing here."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def write(self, text: str) -> int:
        self._screen.write(text)
        return len(text)


class LiveView:
    """Draws the board of a run while it goes on; lines that stay are printed above it."""

    def __init__(self, screen: Screen, *, now: Callable[[], datetime], verbose: bool = False) -> None:
        self._screen = screen
        self._now = now
        self._verbose = verbose
        self._board = Board()
        self._console = Console(
            file=cast(IO[str], _Guarded(screen)),
            force_terminal=True,
            force_interactive=True,
            no_color=not screen.color,
            markup=False,
            highlight=False,
            emoji=False,
        )
        self._lock = threading.Lock()
        self._drawn: ConsoleDimensions | None = None
        self._live: Live | None = None
        self._is_over = False

    def __call__(self, event: Event) -> None:
        with self._lock:
            self._board.take(event, self._now())
        if isinstance(event, RunEvent) and event.status in _BEGIN:
            self._begin()
        line = self._lasting_line(event)
        if line is not None:
            self._print(line)

    def tick(self) -> None:
        """Draw anew; from a thread of its own, some times a second."""
        live = self._live
        if live is not None:
            self._measure()
            live.refresh()

    def close(self) -> None:
        """Leave the last picture on the screen, and the cursor where it belongs."""
        self._is_over = True
        if self._live is not None:
            self._measure()
            self._live.stop()
            self._live = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self._drawn not in (None, console.size):
            # What was drawn has been wrapped anew by the terminal; how, nobody can know.
            yield Control.clear()
            yield Control.home()
        self._drawn = console.size
        with self._lock:
            lines = draw(self._board, self._now(), height=options.max_height - 1, keys=not self._is_over)
        for line in lines:
            text = Text(self._screen.paint(line) if not self._screen.unicode else line, no_wrap=True)
            text.truncate(options.max_width - 1, overflow="ellipsis")
            yield text

    def _measure(self) -> None:
        """The console follows the screen, whatever the process's other streams are."""
        self._console.size = ConsoleDimensions(*self._screen.size())

    def _begin(self) -> None:
        if self._live is None:
            self._measure()
            self._live = Live(self, console=self._console, auto_refresh=False, vertical_overflow="crop")
            self._live.start(refresh=True)

    def _print(self, line: str) -> None:
        self._measure()
        self._console.print(Text(line if self._screen.unicode else self._screen.paint(line)))

    def _lasting_line(self, event: Event) -> str | None:
        match event:
            case RunEvent() if event.status in _TOLD_RUNS:
                return _TOLD_RUNS[event.status]
            case WarningEvent():
                return f"! {event.text}"
            case StepEvent() if event.status in _TOLD_STEPS:
                return f"! {event.step} {event.status} {event.reason}".rstrip()
            case StepEvent() if self._verbose and event.status == "done":
                return f"✓ {event.step}"
        return None


def draw(board: Board, now: datetime, *, height: int, keys: bool = True) -> list[str]:
    """The picture: title, stages, world, keys; stages that are done go first when there is no room."""
    took = (now - board.began).total_seconds() if board.began else 0
    title = f"{board.run}  {board.title} · {render_seconds(took)}{_left(board, took)}"
    world = [_world(board.world)] if board.world else []
    rows = [*board.rows.values()]
    fixed = 2 + len(world)
    while len(rows) > max(height - fixed, 1):
        rows.remove(next((row for row in rows if row.status == "done"), rows[-1]))
    lines = [title, *(line for row in rows for line in _stage(row, now)), *world, *([_KEYS] if keys else [])]
    return lines[:height]


def _left(board: Board, took: float) -> str:
    """Nothing once a run takes longer than others took: nobody knows any more."""
    if board.eta_s is None or took > board.eta_s:
        return ""
    return f" · {render_eta(board.eta_s - took, board.spread_s)} left"


def _stage(row: StageRow, now: datetime) -> Iterator[str]:
    mark = _MARKS.get(row.status, "·")
    elapsed = ""
    if row.elapsed_ms is not None:
        elapsed = render_seconds(row.elapsed_ms / 1000)
    elif row.began is not None:
        elapsed = render_seconds(round((now - row.began).total_seconds()))
    going = ""
    if row.going:
        progress = row.progress.get(row.going[0])
        going = f"{row.going[0]} {render_progress(progress, bar=True) if progress else ''}".rstrip()
        more = len(row.going) - 1
        going += f" +{more}" if more else ""
    yield f" {mark} {row.name:<15} {len(row.done):>2}/{row.total:<3} {elapsed:>6}   {going}".rstrip()


def _world(world: WorldEvent) -> str:
    writes = {True: " and accepts writes", False: " and holds requests", None: ""}[world.writes]
    who = (
        f"{world.serves} serves{writes}" if world.serves != "unknown" else "moving: who serves is not proven"
    )
    way = "automatic" if world.way_back == "auto" else "a new migration"
    return f" world  {world.tenant}: {who} · way back: {way}"
