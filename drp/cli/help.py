"""The words of ``--help``: for each verb a line, two examples, and which exit codes it can give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from drp.commands.endings import ENDINGS


@dataclass(frozen=True, slots=True)
class VerbHelp:
    """``codes`` beside the 0, 2, 3, 70 and 130 that every verb can give."""

    line: str
    examples: tuple[str, str]
    codes: tuple[int, ...] = ()


_RUN_CODES: Final = (4, 5, 6, 7, 9, 10)

VERBS: Final = {
    "deploy": VerbHelp(
        "Create a tenant's stack at its home and open it to clients.",
        ("drp deploy acme", "drp plan deploy acme -v"),
        _RUN_CODES,
    ),
    "migrate": VerbHelp(
        "Move a live tenant to another site, losing no write.",
        ("drp migrate acme --to dc5", "drp migrate acme --to dc5 --yes --json"),
        _RUN_CODES,
    ),
    "retire": VerbHelp(
        "Remove a tenant's old stack from the site it has left.",
        ("drp retire acme --from dc3", "drp plan retire acme --from dc3"),
        _RUN_CODES,
    ),
    "status": VerbHelp(
        "Who serves what, which runs are open, what needs you. Changes nothing.",
        ("drp status", "drp status 7f3a --json"),
    ),
    "check": VerbHelp(
        "Look whether configuration, secrets, engines, stores and DNS are well.",
        ("drp check", "drp check config dns"),
        (4, 11),
    ),
    "resume": VerbHelp(
        "Look at what an interrupted run did, then go on with it.",
        ("drp resume", "drp resume 7f3a --yes"),
        _RUN_CODES,
    ),
    "rollback": VerbHelp(
        "Take an interrupted run back, while that is still possible.",
        ("drp rollback 7f3a", "drp rollback acme --dry-run"),
        _RUN_CODES,
    ),
    "config init": VerbHelp(
        "Write the smallest configuration to start from.",
        ("drp config init", "drp config init --config ./config"),
        (4,),
    ),
    "config show": VerbHelp(
        "Print every effective value with its file, line and column.",
        ("drp config show acme", "drp config show --json"),
    ),
    "config schema": VerbHelp(
        "Print the JSON Schema of the configuration, for editors.",
        ("drp config schema", "drp config schema --json"),
    ),
    "secrets init": VerbHelp(
        "Make a sealed file of secrets and the key that opens it.",
        ("drp secrets init --key-file drp.key", "drp secrets init --key-file drp.key --config ./config"),
        (4,),
    ),
    "secrets set": VerbHelp(
        "Put one secret into the sealed file, read from standard input.",
        ("drp secrets set tsig --key-file drp.key", "drp secrets set h1 --file h1.json --key-file drp.key"),
        (4,),
    ),
    "secrets list": VerbHelp(
        "Names of the sealed secrets, and of those the configuration misses.",
        ("drp secrets list --key-file drp.key", "drp secrets list --json --key-file drp.key"),
        (4, 11),
    ),
}

OVERVIEW: Final = """\
drp moves clients' stacks between datacenters, without losing a write.

  drp status                     who serves what, what runs, what needs you
  drp plan migrate TENANT --to SITE   what a move would do; changes nothing
  drp migrate TENANT --to SITE   move a live tenant
  drp resume [RUN]               go on with an interrupted run
  drp rollback RUN               take it back instead

all verbs: drp --help · one verb: drp VERB --help
"""


def describe(verb: str) -> tuple[str, str]:
    """Help text and epilog of a verb, in the form Typer prints unchanged."""
    words = VERBS[verb]
    examples = "\n".join(f"  {example}" for example in words.examples)
    return f"{words.line}\n\n\b\nExamples:\n{examples}", f"\b\nExit codes:\n{_exit_codes(words.codes)}"


def _exit_codes(codes: tuple[int, ...]) -> str:
    shown = {0, 2, 3, 70, 130, *codes}
    return "\n".join(
        f"  {ending.code:<4} {ending.word:<10} {ending.meaning}" for ending in ENDINGS if ending.code in shown
    )
