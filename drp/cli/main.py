"""The entry point: parse, hand over to the verb, turn whatever happens into words and an exit code.

``--help`` and wrong arguments must answer at once, so nothing here imports providers. The verbs are
imported by name when one is given: the only place in drp where a module is loaded late.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TextIO

from drp.cli import signals
from drp.cli.arguments import parse_arguments
from drp.cli.error_text import render_error
from drp.cli.help import OVERVIEW
from drp.cli.invocation import Invocation
from drp.cli.jsonl import JsonLines
from drp.cli.places import state_folder
from drp.cli.screen import Screen, open_screen
from drp.commands.endings import USAGE, ending_of
from drp.commands.events import build_error_events
from drp.errors import UsageError

_VERBS = "drp.cli.verbs.running"
_OVERVIEW = "drp.cli.overview"
_COMPLETION = "drp.cli.completion"
_COMPLETE = "complete"
"""What the scripts of `drp completion` call; nobody types it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; the exit code. Never raises."""
    words = [*(sys.argv[1:] if arguments is None else arguments)]
    stderr = open_screen(sys.stderr, os.environ)
    signals.prepare()
    try:
        if not words:
            return _show_overview(stderr)
        if words[0] == _COMPLETE:
            importlib.import_module(_COMPLETION).answer(words[1:], open_screen(sys.stdout, os.environ))
            return 0
        invocation = parse_arguments(words)
        return 0 if invocation is None else _run(invocation)
    except (UsageError, KeyboardInterrupt) as error:
        return _refuse(error, words, stderr)
    finally:
        _let_go(sys.stdout, sys.stderr)


def _let_go(*streams: TextIO) -> None:
    """What cannot be written any more must not change the exit code when the interpreter flushes."""
    for stream in streams:
        try:
            stream.flush()
        except (OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _show_overview(stderr: Screen) -> int:
    """What there is to type, and what needs somebody on this machine."""
    overview = importlib.import_module(_OVERVIEW)
    stderr.lines([*OVERVIEW.splitlines(), *overview.render_open_runs(state_folder(None, os.environ))])
    return USAGE.code


def _run(invocation: Invocation) -> int:
    verbs = importlib.import_module(_VERBS)
    code: int = verbs.run(invocation)
    return code


def _refuse(error: UsageError | KeyboardInterrupt, words: Sequence[str], stderr: Screen) -> int:
    """Even what cannot be parsed is answered in JSON when that was asked for."""
    ending = ending_of(error)
    if "--json" in words:
        out = JsonLines(open_screen(sys.stdout, os.environ), words[0], now=lambda: datetime.now(UTC))
        for event in build_error_events(error):
            out(event)
        out.result(ending, {})
    stderr.lines(render_error(error, ending)[: 1 if "--json" in words else None])
    return ending.code
