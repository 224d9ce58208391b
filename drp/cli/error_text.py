"""An error in words: headline, then run, state and hint."""

from __future__ import annotations

from drp.cli.words import wrap
from drp.commands.endings import Ending, hint_of, state_of
from drp.errors import ConfigError, DrpError

_HEADLINES = {"as-before": "failed", "bug": "a bug in drp"}


def render_error(error: BaseException, ending: Ending, *, log: str = "") -> list[str]:
    """The block that is shown when a command ended by an error, before anything began."""
    if isinstance(error, ConfigError):
        return _render_problems(error, ending)
    if isinstance(error, KeyboardInterrupt):
        return [f"- cancelled: nothing was touched · exit {ending.code}"]
    if not isinstance(error, DrpError):
        return _render_bug(error, ending, log)
    word = _HEADLINES.get(ending.word, ending.word)
    lines = [f"✗ {word}: {error.message} · exit {ending.code}"]
    lines += [f"    state  {state_of(error)}", f"    hint   {hint_of(error)}"]
    lines += [f"    code   {error.page}, see `drp explain {error.page}`"] if error.page else []
    return [part for line in lines for part in wrap(line)]


def _render_problems(error: ConfigError, ending: Ending) -> list[str]:
    width = max((len(str(problem.place)) for problem in error.problems), default=0)
    lines = []
    for problem in error.problems:
        lines.append(f"{problem.place!s:<{width}}   {problem.message}")
        if problem.hint:
            lines.append(f"{'':<{width}}   hint  {problem.hint}")
    return [*lines, f"✗ {error.message} · again: {error.again} · exit {ending.code}"]


def _render_bug(error: BaseException, ending: Ending, log: str) -> list[str]:
    lines = [f"✗ a bug in drp: {type(error).__name__} · exit {ending.code}"]
    lines += [f"    log    {log}"] if log else []
    return [*lines, f"    hint   {hint_of(error)}"]
