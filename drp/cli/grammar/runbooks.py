"""Verbs about runbooks as files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

import typer

from drp.cli.grammar.verb import Verb
from drp.cli.invocation import Common, Invocation

_NAMES: Final = "Runbooks of the folder (migrate for migrate.yml); else all."

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="A runbook of the folder: migrate for migrate.yml.")
]


def lint(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help=_NAMES)] = None,
    *,
    common: Common,
) -> Invocation:
    return Invocation(verb="runbook lint", names=tuple(names or ()), common=common)


def show(name: Name, *, common: Common) -> Invocation:
    return Invocation(verb="runbook show", subject=name, common=common)


def graph(
    name: Name,
    *,
    svg: Annotated[
        str, typer.Option("--svg", metavar="FILE", help="Write the picture here; - for standard output.")
    ] = "",
    common: Common,
) -> Invocation:
    return Invocation(verb="runbook graph", subject=name, svg=svg, common=common)


VERBS: Final[Mapping[str, Verb]] = {
    "runbook lint": Verb(
        "Find what is wrong with runbooks, without a configuration or a world.",
        ("drp runbook lint", "drp runbook lint migrate deploy --runbooks ./runbooks"),
        lint,
        (4,),
    ),
    "runbook show": Verb(
        "Print stages and steps of a runbook: needs, deadlines, retries, questions.",
        ("drp runbook show migrate", "drp runbook show migrate --json"),
        show,
        (4,),
    ),
    "runbook graph": Verb(
        "Draw a runbook as SVG.",
        ("drp runbook graph migrate --svg migrate.svg", "drp runbook graph migrate --json"),
        graph,
        (4,),
    ),
}
