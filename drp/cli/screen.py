"""What an output stream can show, and writing to it: a stream that went away stops nothing."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TextIO

_MARK: Final = re.compile(r"^(\s*)([✓✗!?▶·-])(?= )")
_COLORS: Final = {"✗": "31", "!": "33", "?": "35", "·": "2", "-": "2"}
_PLAIN: Final = {
    "✓": "ok", "✗": "FAIL", "▶": ">", "→": "->", "·": "|", "≤": "<=", "≈": "~",
    "…": "...", "–": "-", "±": "+-", "×": "x", "█": "#", "░": ".",
}  # fmt: skip
_PLAIN_MARKS: Final = {"!": "WARN", "?": "UNKN", "·": ".."}


@dataclass(slots=True)
class Screen:
    """One stream. ``color``: theme colours; ``motion``: may be redrawn; ``unicode``: it has our marks."""

    stream: TextIO
    color: bool
    motion: bool
    unicode: bool
    silence: timedelta = timedelta(seconds=30)
    """After this long without a word there is a sign of life: sooner where a person looks."""
    is_open: bool = True

    def lines(self, lines: Iterable[str]) -> None:
        """Write whole lines, painted as the stream allows."""
        self.write("".join(f"{self.paint(line)}\n" for line in lines))

    def write(self, text: str) -> None:
        """Write and flush; when nobody reads any more, stay silent from then on."""
        if not self.is_open:
            return
        try:
            self.stream.write(text)
            self.stream.flush()
        except (OSError, ValueError):
            # A closed pipe or terminal must not stop a run.
            self.is_open = False

    def paint(self, line: str) -> str:
        """The line with its mark coloured, or in words where the stream lacks the characters."""
        if not self.unicode:
            return to_plain(line)
        found = _MARK.match(line) if self.color else None
        code = _COLORS.get(found.group(2)) if found else None
        if found is None or code is None:
            return line
        return f"{found.group(1)}\x1b[{code}m{found.group(2)}\x1b[0m{line[found.end() :]}"

    def size(self) -> tuple[int, int]:
        """Columns and lines now, of the terminal that is written to."""
        try:
            found = os.get_terminal_size(self.stream.fileno())
        except (OSError, ValueError):
            # No terminal, or one that has gone.
            found = shutil.get_terminal_size((100, 24))
        return found.columns or 100, found.lines or 24


def to_plain(line: str) -> str:
    """The line in ASCII: marks in front become words."""
    found = _MARK.match(line)
    if found is not None and found.group(2) in _PLAIN_MARKS:
        line = f"{found.group(1)}{_PLAIN_MARKS[found.group(2)]}{line[found.end() :]}"
    for character, text in _PLAIN.items():
        line = line.replace(character, text)
    return line.encode("ascii", "replace").decode()


def open_screen(stream: TextIO, environment: Mapping[str, str], *, no_color: bool = False) -> Screen:
    """Decide once what a stream can do. Without a terminal there is never an escape code."""
    terminal = stream.isatty()
    dumb = environment.get("TERM") == "dumb"
    forced = bool(environment.get("FORCE_COLOR"))
    plain = no_color or bool(environment.get("NO_COLOR")) or (dumb and not forced)
    return Screen(
        stream=stream,
        color=terminal and not plain,
        motion=terminal and not dumb,
        unicode=_has_marks(stream),
        silence=timedelta(seconds=10 if terminal else 30),
    )


def _has_marks(stream: TextIO) -> bool:
    try:
        "".join(_PLAIN).encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
