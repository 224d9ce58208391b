"""The words of ``--help``: for each verb a line, two examples, and which exit codes it can give."""

from __future__ import annotations

from typing import Final

from drp.cli.grammar.verb import Verb
from drp.commands.endings import ENDINGS

OVERVIEW: Final = """\
drp moves clients' stacks between datacenters, without losing a write.

  drp status                     who serves what, what runs, what needs you
  drp plan migrate TENANT --to SITE   what a move would do; changes nothing
  drp migrate TENANT --to SITE   move a live tenant
  drp resume [RUN]               go on with an interrupted run
  drp rollback RUN               take it back instead

all verbs: drp --help · one verb: drp VERB --help
"""


def describe(verb: Verb) -> tuple[str, str]:
    """Help text and epilog of a verb, in the form Typer prints unchanged."""
    examples = "\n".join(f"  {example}" for example in verb.examples)
    return f"{verb.line}\n\n\b\nExamples:\n{examples}", f"\b\nExit codes:\n{_exit_codes(verb.codes)}"


def _exit_codes(codes: tuple[int, ...]) -> str:
    shown = {0, 2, 3, 70, 130, *codes}
    return "\n".join(
        f"  {ending.code:<4} {ending.word:<10} {ending.meaning}" for ending in ENDINGS if ending.code in shown
    )
