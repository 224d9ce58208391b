"""Small words that all texts share: moments with their zone, lengths, counts, cut lists."""

from __future__ import annotations

import re
import textwrap
from datetime import timedelta, tzinfo
from pathlib import Path
from typing import Final

from drp.commands.events import NOBODY
from drp.commands.results import Served
from drp.errors import Place
from drp.model.moments import render_clock
from drp.model.values import render_duration

WIDTH: Final = 100
_WHOLE: Final = re.compile(r"`[^`]*`| · exit \d+$")
_GLUE: Final = "\x1f"
"""Stands for a space at which no line may end."""


def render_seconds(seconds: float) -> str:
    return render_duration(timedelta(seconds=max(seconds, 0)))


def render_who(served: Served) -> str:
    """Who serves, as a clause."""
    if not served.is_proven:
        return f"who serves {served.tenant} is not proven"
    if served.site == NOBODY:
        return f"nobody serves {served.tenant}"
    return f"{served.tenant} is served by {served.site}"


def render_state(served: Served, zone: tzinfo) -> str:
    """What is known of the tenant's service, and since when."""
    probed = f"probed {render_clock(served.probed, zone)}"
    if not served.is_proven:
        return f"{served.reason or 'nothing could be seen'}; {probed}"
    if served.site == NOBODY:
        return f"nobody serves {served.tenant}, {probed}"
    return f"{served.site} {'accepts writes' if served.writes else 'holds requests'}, {probed}"


def render_place(place: Place) -> str:
    """``runbooks/migrate.yml:12:9``, from here where it lies below."""
    here = f"{Path.cwd()}/"
    return str(place).removeprefix(here)


def count(number: int, noun: str) -> str:
    """``1 step``, ``4,118 steps``."""
    plural = f"{noun}es" if noun.endswith("x") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def wrap(line: str, width: int = WIDTH) -> list[str]:
    """The line in parts no wider than ``width``, commands in backticks left whole; indented below it."""
    whole = _WHOLE.sub(lambda found: found.group().replace(" ", _GLUE), line)
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    parts = textwrap.wrap(
        whole, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    return [part.replace(_GLUE, " ") for part in parts] or [line]


def cut(line: str, width: int = WIDTH) -> str:
    """The line, cut to a width with "…" at its end."""
    return line if len(line) <= width else f"{line[: width - 1]}…"
