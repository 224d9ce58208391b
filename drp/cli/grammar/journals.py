"""Verbs about the journals of runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

import typer

from drp.cli.grammar.verb import Verb
from drp.cli.invocation import Common, Invocation


def show(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Run id, its tail, or a tenant's newest run.")],
    *,
    common: Common,
) -> Invocation:
    return Invocation(verb="journal show", subject=run, common=common)


def verify(
    run: Annotated[
        str, typer.Argument(metavar="[RUN|FILE]", help="Only this one; else all journals here.")
    ] = "",
    *,
    common: Common,
) -> Invocation:
    return Invocation(verb="journal verify", subject=run, common=common)


def rebuild(
    subject: Annotated[str, typer.Argument(metavar="TENANT|RUN", help="Tenant, run id, or its tail.")],
    *,
    common: Common,
) -> Invocation:
    return Invocation(verb="journal rebuild", subject=subject, common=common)


VERBS: Final[Mapping[str, Verb]] = {
    "journal show": Verb(
        "Print every record of a run, from the state folder or from the witness.",
        ("drp journal show 7f3a", "drp journal show acme --json"),
        show,
        (4, 7),
    ),
    "journal verify": Verb(
        "Prove that journals are whole: numbers, chain, plan, and the copy in the witness.",
        ("drp journal verify", "drp journal verify 7f3a --json"),
        verify,
        (4, 11),
    ),
    "journal rebuild": Verb(
        "When journal and copy are lost: find out what is there, and record what puts it in order.",
        ("drp journal rebuild acme --dry-run", "drp journal rebuild 7f3a"),
        rebuild,
        (4, 5, 8),
    ),
}
