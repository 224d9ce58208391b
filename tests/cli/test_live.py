"""The live view on a terminal in memory: it fits, follows a resize, and outlives the terminal."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pyte
import pytest

from drp.cli.arguments import parse_arguments
from drp.cli.board import Board
from drp.cli.live_view import LiveView
from drp.cli.presenter import Presenter, Streams
from drp.cli.screen import Screen, open_screen
from drp.cli.signals import prepare
from drp.commands.events import RunEvent, WarningEvent
from drp.testing.clock import ManualClock
from drp.testing.databases import State
from tests.cli.shell import Shell, Stream
from tests.cli.test_terminal import STAGES, play
from tests.cli.test_texts import blind, block_release, damage, damage_and_block, nothing

MOVE = "migrate acme --to dc5 --yes"


class Terminal(Stream):
    """What is written is shown; lines that scroll away are remembered."""

    def __init__(self, lines: int, columns: int) -> None:
        super().__init__(terminal=True)
        self.glass = pyte.HistoryScreen(columns, lines, history=1000, ratio=0.5)
        self._feed = pyte.Stream(self.glass)

    def write(self, text: str) -> int:
        self._feed.feed(text.replace("\n", "\r\n"))
        return len(text)

    def resize(self, lines: int, columns: int) -> None:
        """As most terminals do: what no longer fits in its line goes on in the next."""
        before = self.shown()
        self.glass.reset()
        self.glass.resize(lines, columns)
        self._feed.feed("\r\n".join(before))

    def shown(self) -> list[str]:
        return [line.rstrip() for line in self.glass.display if line.strip()]

    def all(self) -> list[str]:
        """With what has scrolled away."""
        gone = ["".join(row[x].data for x in range(self.glass.columns)) for row in self.glass.history.top]
        return [line.rstrip() for line in gone if line.strip()] + self.shown()


class Sized(Screen):
    """As large as its terminal."""

    def size(self) -> tuple[int, int]:
        assert isinstance(self.stream, Terminal)
        return self.stream.glass.columns, self.stream.glass.lines


def open_view(terminal: Terminal, clock: ManualClock) -> LiveView:
    return LiveView(Sized(stream=terminal, color=True, motion=True, unicode=True), now=clock.now)


def no_line_twice(lines: list[str]) -> bool:
    return len(set(lines)) == len(lines)


@pytest.mark.parametrize(("lines", "columns"), [(20, 60), (24, 80), (30, 100), (60, 200)])
def test_view_fits_and_repeats_no_line(lines: int, columns: int) -> None:
    """Bar 24: from 20x60 to 60x200."""
    clock, terminal = ManualClock(), Terminal(lines, columns)
    view = open_view(terminal, clock)
    play(view, Board(), clock)
    for second in range(6):
        clock.advance(timedelta(seconds=1))
        view(WarningEvent(code="copy", text=f"warning {second}"))
        view.tick()
        shown = terminal.shown()
        assert no_line_twice(shown), shown
        assert sum(line.startswith("migrate-310304-7f3a") for line in shown) == 1
        assert sum(line.startswith(" keys") for line in shown) == 1
        assert any("stage-19/one" in line for line in shown)
    view.close()
    assert no_line_twice(terminal.all())
    assert len([line for line in terminal.all() if line.startswith("! warning")]) == 6
    if lines > len(STAGES) + 4:
        assert len([line for line in terminal.all() if "stage-" in line]) == len(STAGES)


@pytest.mark.parametrize("size", [(20, 60), (60, 200), (24, 80)])
def test_view_is_drawn_anew_after_a_resize(size: tuple[int, int]) -> None:
    """Bar 25: at the next tick, smaller or larger."""
    clock, terminal = ManualClock(), Terminal(30, 100)
    view = open_view(terminal, clock)
    play(view, Board(), clock)
    view.tick()
    terminal.resize(*size)
    view.tick()
    shown = terminal.shown()
    assert no_line_twice(shown), shown
    assert shown[0].startswith("migrate-310304-7f3a")
    assert shown[-1].startswith(" keys")
    view.tick()
    assert terminal.shown() == shown
    view.close()


def test_wrapped_rests_of_a_small_view_are_gone_after_a_resize() -> None:
    """Bar 25: long lines that a narrower terminal has wrapped leave nothing above the picture."""
    clock, terminal = ManualClock(), Terminal(30, 100)
    view = open_view(terminal, clock)
    view(RunEvent(run="migrate-310304-7f3a", name="migrate", tenant="acme", status="begun", source="dc3/h1",
                  target="dc5/h3", steps=9, stages=(("prepare", 9),)))  # fmt: skip
    view.tick()
    terminal.resize(30, 40)
    assert len(terminal.shown()) > 3
    view.tick()
    shown = terminal.shown()
    assert len(shown) == 3
    assert shown[0].startswith("migrate-310304-7f3a")
    assert shown[-1].startswith(" keys")
    view.close()


def test_view_tells_how_long_it_will_take() -> None:
    """Bar 32: with its ±, and nothing once it takes longer than that."""
    clock, terminal = ManualClock(), Terminal(30, 100)
    view = open_view(terminal, clock)
    view(RunEvent(run="migrate-310304-7f3a", name="migrate", tenant="acme", status="begun", source="dc3/h1",
                  target="dc5/h3", steps=9, eta_s=260, spread_s=40, stages=(("prepare", 9),)))  # fmt: skip
    clock.advance(timedelta(seconds=112))
    view.tick()
    assert terminal.shown()[0].endswith("· 1m52s · 2m28s ± 40s left")
    clock.advance(timedelta(seconds=300))
    view.tick()
    assert terminal.shown()[0].endswith("· 6m52s")
    view.close()


def interrupt_it(shell: Shell) -> None:
    shell.interrupts = 1


@pytest.mark.parametrize(
    ("prepare_it", "code"),
    [(nothing, 0), (damage, 6), (damage_and_block, 7), (block_release, 9), (blind, 10), (interrupt_it, 130)],
)
def test_cursor_is_back_after_every_end(shell: Shell, prepare_it: Callable[[Shell], None], code: int) -> None:
    """Bar 27."""
    shell.environment = {**shell.environment, "TERM": "xterm"}
    prepare_it(shell)
    both = Stream(terminal=True)
    assert shell.run(MOVE, Stream(), both, both) == code
    text = both.getvalue()
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h")
    assert text.rfind("\x1b[?25h") >= text.rfind("\x1b[?25l")


class Gone(Stream):
    """A terminal whose window is closed after some writes."""

    def __init__(self, after: int) -> None:
        super().__init__(terminal=True)
        self._left = after

    def write(self, text: str) -> int:
        self._left -= 1
        if self._left < 0:
            raise OSError(5, "Input/output error")
        return super().write(text)


@pytest.fixture
def _handlers() -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("_handlers")
def test_terminal_that_is_closed_stops_no_run(shell: Shell) -> None:
    """Bar 29: the hang-up is ignored, what cannot be shown any more is in the log."""
    prepare()
    shell.environment = {**shell.environment, "TERM": "xterm"}

    def hang_up(_: State) -> None:
        os.kill(os.getpid(), signal.SIGHUP)

    shell.company.databases.damage_restored = hang_up
    assert shell.run(MOVE, Stream(), Gone(0), Gone(12)) == 0
    (log,) = shell.state.glob("*.log")
    assert "7f3a acme run            done" in log.read_text()


class Listener(Stream):
    """Knows when it was told something."""

    def __init__(self, word: str) -> None:
        super().__init__()
        self._word = word
        self.heard = threading.Event()

    def write(self, text: str) -> int:
        if self._word in text:
            self.heard.set()
        return super().write(text)


@pytest.mark.usefixtures("_handlers")
def test_interrupt_is_answered_while_a_step_goes_on(shell: Shell) -> None:
    """Bar 28: its time is printed. The run then stops at a safe point, and who serves is proven."""
    err, took = Listener(" cancelling"), []

    def press(_: State) -> None:
        began = time.monotonic()
        os.kill(os.getpid(), signal.SIGINT)
        assert err.heard.wait(30)
        took.append(time.monotonic() - began)
        shell.company.databases.damage_restored = None

    shell.company.databases.damage_restored = press
    out = Stream()
    assert shell.run(MOVE, Stream(), out, err) == 130
    print(f"answered in {took[0] * 1000:.0f} ms (bar 200 ms)")
    assert out.getvalue().startswith("- cancelled: acme is served by dc3")
    assert "probed" in out.getvalue()


def open_presenter(line: str, stderr: Stream, clock: ManualClock) -> Presenter:
    invocation = parse_arguments(line.split())
    assert invocation is not None
    screens = open_screen(Stream(), {}), open_screen(stderr, {"TERM": "dumb"})
    streams = Streams(stdin=Stream(), stdout=screens[0], stderr=screens[1])
    return Presenter(streams, invocation, now=clock.now)


def test_silence_before_a_run_is_broken() -> None:
    """Bar 26: 10 s on a terminal, 30 s elsewhere, and not while somebody is asked."""
    for terminal, silence in ((True, 10), (False, 30)):
        err, clock = Stream(terminal=terminal), ManualClock()
        presenter = open_presenter("migrate acme --to dc5", err, clock)
        clock.advance(timedelta(seconds=silence - 1))
        presenter.tick()
        assert err.getvalue() == ""
        clock.advance(timedelta(seconds=1))
        presenter.tick()
        presenter.tick()
        assert err.getvalue().endswith(f" migrate: still looking, {silence}s\n")
        assert err.getvalue().count("still looking") == 1
        presenter.answers.is_waiting = True
        clock.advance(timedelta(seconds=60))
        presenter.tick()
        assert err.getvalue().count("still looking") == 1
