"""Between commands and streams: who is told what, where, and who answers."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Final, TextIO

from drp.cli.answers import Answers
from drp.cli.end_text import render_end
from drp.cli.error_text import render_error
from drp.cli.fleet_text import render_fleet_end, render_fleet_review
from drp.cli.invocation import Common, Invocation
from drp.cli.jsonl import JsonLines
from drp.cli.line_view import LineView
from drp.cli.live_view import LiveView
from drp.cli.plan_text import render_review
from drp.cli.readiness_text import render_readiness
from drp.cli.screen import Screen
from drp.cli.status_text import render_status
from drp.cli.takeover_text import render_cancellation, render_takeover
from drp.cli.words import render_seconds
from drp.commands.endings import Ending, ending_of
from drp.commands.events import Event, RunEvent, WarningEvent, build_error_events
from drp.commands.fleet.results import AnyResult, FleetReport, FleetReview
from drp.commands.readiness.results import Readiness
from drp.commands.results import Cancellation, Listing, Review, RunReport, StatusReport, Takeover
from drp.commands.runs import StateFolder
from drp.model.moments import find_zone

_TICK_S: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """What a process has: standard input, and the screens of the two outputs."""

    stdin: TextIO
    stdout: Screen
    stderr: Screen


class Presenter:
    """One command's voice. Texts need the zone of the configuration, once it is known."""

    def __init__(self, streams: Streams, invocation: Invocation, *, now: Callable[[], datetime]) -> None:
        self._streams = streams
        self._common: Common = invocation.common
        self._verb = invocation.verb
        self._now = now
        self._began = self._told = now()
        self._zone: tzinfo = UTC
        self._json = JsonLines(streams.stdout, invocation.verb, now=now) if self._common.json else None
        self.answers = Answers(
            streams.stdin,
            streams.stderr,
            yes=invocation.common.yes,
            may_ask=not invocation.common.json and streams.stdin.isatty(),
            emit=self._json,
        )
        self._view: LineView | LiveView | None = None
        self._log: LineView | None = None
        self._folder: StateFolder | None = None

    def use_zone(self, name: str) -> None:
        self._zone = find_zone(name)

    def use_log(self, state: Path) -> None:
        """Runs leave their lines in ``RUN.log`` of this folder, whoever is looking."""
        self._folder = StateFolder(state)

    def emit(self, event: Event) -> None:
        """One event to everybody who wants it."""
        self._open_log(event)
        if self._log is not None:
            self._log(event)
        if self._json is not None:
            self._json(event)
        elif self._common.quiet:
            if isinstance(event, WarningEvent):
                self._streams.stderr.lines([f"! {event.text}"])
        else:
            self._progress()(event)

    def show(self, found: Review | Takeover | FleetReview) -> None:
        """What is about to be asked about."""
        if self._json is None and not self._common.quiet:
            self._streams.stderr.lines(self._render(found))

    def finish(self, result: AnyResult) -> int:
        """The result, last of all; the exit code."""
        self.close()
        if self._json is not None:
            self._json.result(result.ending, result.to_json())
        else:
            self._streams.stdout.lines(self._render(result))
        return result.ending.code

    def fail(self, error: BaseException, *, log: str = "") -> int:
        """An error, last of all; the exit code."""
        self.close()
        ending = ending_of(error)
        lines = render_error(error, ending, log=log)
        if self._json is None:
            self._streams.stderr.lines(lines)
            return ending.code
        self._fail_json(error, ending)
        return ending.code

    def close(self) -> None:
        """Give the terminal back."""
        if isinstance(self._view, LiveView):
            self._view.close()

    def tick(self) -> None:
        """A sign of life where one is due: by the view of a run, before there is one by a line."""
        if self._view is not None:
            self._view.tick()
        elif not (self._common.quiet or self._common.json or self.answers.is_waiting):
            self._look_alive()

    def _look_alive(self) -> None:
        screen, now = self._streams.stderr, self._now()
        if now - self._told >= screen.silence:
            self._told = now
            took = render_seconds(round((now - self._began).total_seconds()))
            screen.lines([f"▶ {self._verb}: still looking, {took}"])

    @contextmanager
    def ticking(self) -> Iterator[None]:
        """While inside, silence is broken by a sign of life."""
        stopped = threading.Event()

        def tick() -> None:
            while not stopped.wait(_TICK_S):
                self.tick()

        thread = threading.Thread(target=tick, daemon=True, name="sign-of-life")
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            self.close()

    def _fail_json(self, error: BaseException, ending: Ending) -> None:
        assert self._json is not None
        for event in build_error_events(error):
            self._json(event)
        self._json.result(ending, {})
        self._streams.stderr.lines(render_error(error, ending)[:1])

    def _progress(self) -> LineView | LiveView:
        if self._view is None:
            screen, verbose = self._streams.stderr, self._common.verbose
            self._view = (
                LiveView(screen, now=self._now, verbose=verbose)
                if screen.motion
                else LineView(screen, self._zone, now=self._now, verbose=verbose)
            )
        return self._view

    def _open_log(self, event: Event) -> None:
        if not isinstance(event, RunEvent) or self._log is not None or self._folder is None:
            return
        descriptor = os.open(self._folder.log(event.run), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        stream = os.fdopen(descriptor, "w", encoding="utf-8")
        screen = Screen(stream=stream, color=False, motion=False, unicode=True)
        self._log = LineView(screen, self._zone, now=self._now, verbose=True)

    def _render(self, result: AnyResult) -> list[str]:
        match result:
            case Review():
                return render_review(result, verbose=self._common.verbose, explain=self._common.explain)
            case Takeover():
                return render_takeover(result, self._zone)
            case RunReport():
                return render_end(result, self._zone)
            case FleetReview():
                return render_fleet_review(result, self._zone)
            case FleetReport():
                return render_fleet_end(result, self._zone)
            case StatusReport():
                return render_status(result, self._zone)
            case Readiness():
                return render_readiness(result, self._zone)
            case Cancellation():
                return render_cancellation(result, self._zone)
            case Listing():
                return [*result.lines, *([result.summary] if result.summary else [])]
