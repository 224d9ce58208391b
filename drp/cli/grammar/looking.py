"""Verbs that only look."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

import typer

from drp.cli.grammar.verb import Verb
from drp.cli.invocation import Common, Invocation

AREAS: Final = (
    "config", "secrets", "engines", "clocks", "space", "subnets", "pools", "images", "stores", "witness",
    "backups", "bundles", "handshakes", "dns", "epochs", "runs", "isolation",
)  # fmt: skip
_AREAS: Final = (
    f"{', '.join(AREAS[:-1])} or {AREAS[-1]}; else all but the last, which starts probes in every network."
)


def status(
    subject: Annotated[str, typer.Argument(metavar="[RUN|TENANT]", help="Only this one.")] = "",
    *,
    common: Common,
) -> Invocation:
    return Invocation(verb="status", subject=subject, common=common)


def check(
    areas: Annotated[list[str] | None, typer.Argument(metavar="[AREA]...", help=_AREAS)] = None,
    *,
    common: Common,
) -> Invocation:
    return Invocation(verb="check", areas=tuple(areas or ()), common=common)


def explain(
    code: Annotated[str, typer.Argument(metavar="CODE", help="As in the error: C5; or a word, as in JSON.")],
    *,
    common: Common,
) -> Invocation:
    return Invocation(verb="explain", subject=code, common=common)


VERBS: Final[Mapping[str, Verb]] = {
    "status": Verb(
        "Who serves what, which runs are open, what needs you. Changes nothing.",
        ("drp status", "drp status 7f3a --json"),
        status,
        (4,),
    ),
    "check": Verb(
        "Look whether all that a change or a disaster needs is there and well.",
        ("drp check", "drp check engines dns"),
        check,
        (4, 11),
    ),
    "explain": Verb(
        "A page on an error code: what it means and what to do. Needs no network.",
        ("drp explain C5", "drp explain G7 --json"),
        explain,
    ),
}
