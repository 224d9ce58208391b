"""What a terminal is given, and what everything else is spared."""

from __future__ import annotations

from datetime import UTC, timedelta

import pytest

from drp.cli.board import Board
from drp.cli.line_view import LineView
from drp.cli.live_view import LiveView, draw
from drp.cli.screen import Screen, open_screen
from drp.commands.events import (
    Event,
    ProgressEvent,
    RunEvent,
    StageEvent,
    StepEvent,
    WarningEvent,
    WorldEvent,
)
from drp.testing.clock import ManualClock
from tests.cli.shell import Shell, Stream
from tests.cli.test_texts import damage


def test_terminal_gets_a_coloured_mark_and_the_same_words(shell: Shell) -> None:
    damage(shell)
    shell.environment = {**shell.environment, "TERM": "xterm"}
    said = shell.type("migrate acme --to dc5 --yes -q", answer="")
    assert said.out.startswith("\x1b[31m✗\x1b[0m failed, as before: acme is served by dc3")


@pytest.mark.parametrize(
    ("environment", "color"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "xterm", "NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True),
        ({"TERM": "xterm", "FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colour_is_for_terminals_that_want_it(environment: dict[str, str], color: bool) -> None:
    """Bars 21 and 22."""
    assert open_screen(Stream(terminal=True), environment).color is color
    assert open_screen(Stream(), environment).color is False


def test_motion_needs_a_terminal_that_can_move() -> None:
    """Bar 21."""
    assert open_screen(Stream(terminal=True), {"TERM": "xterm"}).motion
    assert not open_screen(Stream(terminal=True), {"TERM": "dumb", "FORCE_COLOR": "1"}).motion
    assert not open_screen(Stream(), {"TERM": "xterm", "FORCE_COLOR": "1"}).motion


def test_words_stand_for_marks_where_the_encoding_lacks_them(shell: Shell) -> None:
    shell.encoding = "latin-1"
    out = shell.type("migrate acme --to dc5 --yes -q").out
    assert out.startswith("ok done and proven: acme is served by dc5")
    out.encode("ascii")


class Closed(Stream):
    """A pipe whose reader has gone."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_closed_output_stops_no_run(shell: Shell) -> None:
    """Bar 36."""
    code = shell.run("migrate acme --to dc5 --yes", Stream(), Closed(), Closed())
    assert code == 0
    assert shell.type("status acme --json").lines()[-1]["data"]["tenants"][0]["serves"] == "dc5"  # type: ignore[index,call-overload]


def test_run_leaves_its_lines_in_a_log(shell: Shell) -> None:
    shell.type("migrate acme --to dc5 --yes --json")
    log = shell.state / "migrate-310304-7f3a.log"
    text = log.read_text()
    assert "7f3a acme run            begun dc3/h1 -> dc5/h3" in text
    assert "restore" in text
    assert log.stat().st_mode & 0o777 == 0o600


STAGES = tuple((f"stage-{number:02}", 9) for number in range(40))


def play(view: LineView | LiveView | None, board: Board, clock: ManualClock) -> None:
    """A long run with many stages, half of it done."""
    events: list[Event] = [
        RunEvent(run="migrate-310304-7f3a", name="migrate", tenant="acme", status="begun",
                 source="dc3/h1", target="dc5/h3", steps=360, stages=STAGES),
        WorldEvent(tenant="acme", serves="dc3", writes=True, way_back="auto", probed=clock.now()),
    ]  # fmt: skip
    for name, total in STAGES[:20]:
        events.append(StageEvent(name=name, tenant="acme", status="begun", total=total))
        step = {"stage": name, "tenant": "acme", "attempt": 1}
        events.append(StepEvent(step=f"{name}/one", status="begun", **step))  # type: ignore[arg-type]
        if name != "stage-19":
            events.append(StepEvent(step=f"{name}/one", status="done", elapsed_ms=5, **step))  # type: ignore[arg-type]
            events.append(StageEvent(name=name, tenant="acme", status="done", done=1, total=9, elapsed_ms=5))
    events.append(
        ProgressEvent(step="stage-19/one", stage="stage-19", tenant="acme", done=812_000_000,
                      total=1_240_000_000, unit="bytes", rate=24_000_000.0, eta_s=18.0)
    )  # fmt: skip
    for event in events:
        board.take(event, clock.now())
        if view is not None:
            view(event)


@pytest.mark.parametrize("height", [20, 30, 60])
def test_picture_is_never_taller_than_the_screen(height: int) -> None:
    """Bar 24."""
    clock, board = ManualClock(), Board()
    play(None, board, clock)
    lines = draw(board, clock.now(), height=height)
    assert len(lines) <= height
    assert len(set(lines)) == len(lines)
    assert lines[0].startswith("migrate-310304-7f3a")
    assert any(
        "stage-19/one ██████████░░░░░░ 812.0 MB of 1.2 GB 24.0 MB/s, 18s left" in each for each in lines
    )
    assert lines[-2].startswith(" world  acme: dc3 serves and accepts writes · way back: automatic")
    assert lines[-1].startswith(" keys   Ctrl-C")


def test_live_view_gives_the_cursor_back_and_repeats_no_line() -> None:
    """Bars 24 and 27."""
    clock = ManualClock()
    stream = Stream(terminal=True)
    screen = Screen(stream=stream, color=False, motion=True, unicode=True)
    view = LiveView(screen, now=clock.now)
    play(view, Board(), clock)
    view(WarningEvent(code="copy", text="the witness is slow"))
    view.close()
    text = stream.getvalue()
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") >= 1
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")
    assert text.count("! the witness is slow") == 1


def test_line_view_breaks_a_long_silence() -> None:
    """Bar 26."""
    clock = ManualClock()
    stream = Stream()
    view = LineView(Screen(stream=stream, color=False, motion=False, unicode=True), UTC, now=clock.now)
    play(view, Board(), clock)
    before = stream.getvalue()
    view.tick()
    assert stream.getvalue() == before
    clock.advance(timedelta(seconds=31))
    view.tick()
    view.tick()
    (line,) = stream.getvalue().removeprefix(before).splitlines()
    assert line.endswith("acme stage-19       going stage-19/one 812.0 MB of 1.2 GB 24.0 MB/s, 18s left")
