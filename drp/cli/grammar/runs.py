"""Verbs about a run that has begun."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

import typer

from drp.cli.grammar.verb import RUN_CODES, Verb
from drp.cli.invocation import Common, Invocation


def resume(
    run: Annotated[
        str, typer.Argument(metavar="[RUN]", help="Run id or its tail; a tenant's newest run.")
    ] = "",
    *,
    common: Common,
) -> Invocation:
    return Invocation(verb="resume", subject=run, common=common)


def rollback(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Run id, its tail, or a tenant.")],
    *,
    common: Common,
) -> Invocation:
    return Invocation(verb="rollback", subject=run, common=common)


def takeover(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Run id, its tail, or a tenant.")],
    *,
    back: Annotated[bool, typer.Option("--back", help="Take it back instead of going on.")] = False,
    common: Common,
) -> Invocation:
    return Invocation(verb="takeover", subject=run, back=back, common=common)


def cancel(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Run id, its tail, or a tenant.")],
    *,
    common: Common,
) -> Invocation:
    return Invocation(verb="cancel", subject=run, common=common)


def approve(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Run id, its tail, or a tenant.")],
    *,
    common: Common,
) -> Invocation:
    return Invocation(verb="approve", subject=run, common=common)


VERBS: Final[Mapping[str, Verb]] = {
    "resume": Verb(
        "Look at what an interrupted run did, then go on with it.",
        ("drp resume", "drp resume 7f3a --yes"),
        resume,
        RUN_CODES,
    ),
    "rollback": Verb(
        "Take an interrupted run back, while that is still possible.",
        ("drp rollback 7f3a", "drp rollback acme --dry-run"),
        rollback,
        RUN_CODES,
    ),
    "approve": Verb(
        "Show the plan of a run that waits, and say yes to it; `drp resume` then starts it.",
        ("drp approve 7f3a", "drp approve 7f3a --yes --json"),
        approve,
        (4, 5),
    ),
    "cancel": Verb(
        "Ask a running run, wherever it is, to stop at its next safe point.",
        ("drp cancel 7f3a", "drp cancel acme --json"),
        cancel,
        (4, 10),
    ),
    "takeover": Verb(
        "Go on with the run of a machine that is gone, once its lease has expired.",
        ("drp takeover 7f3a", "drp takeover 7f3a --back --yes"),
        takeover,
        RUN_CODES,
    ),
}
