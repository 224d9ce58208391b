"""One verb as it is typed and as ``--help`` speaks of it; and the arguments that several verbs share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from drp.cli.invocation import Invocation

RUN_CODES: Final = (4, 5, 6, 7, 8, 9, 10)
"""What a verb that runs a plan can end with, beside what every verb can."""

Tenant = Annotated[str, typer.Argument(metavar="TENANT", help="Name of a tenant of the configuration.")]
Plan = Annotated[Path | None, typer.Option(metavar="FILE", help="Run exactly this plan; no other argument.")]
Out = Annotated[Path | None, typer.Option(metavar="FILE", help="With --dry-run or `plan`: keep the plan.")]

AskLater = Annotated[bool, typer.Option("--ask-later", help="Begin nothing: wait for `drp approve RUN`.")]


@dataclass(frozen=True, slots=True)
class Verb:
    """``line`` and two ``examples`` for the help; ``codes`` beside the 0, 2, 3, 70 and 130 of every verb.

    ``typed`` has the arguments and options as its signature and gives the invocation. ``is_planned``:
    ``plan`` has it too; then ``needs`` is the option it needs beside the tenant, or "".
    """

    line: str
    examples: tuple[str, str]
    typed: Callable[..., Invocation]
    codes: tuple[int, ...] = ()
    is_planned: bool = False
    needs: str = ""
    is_for_many: bool = False
    """``plan`` has it too, and its arguments say which tenants are meant."""
