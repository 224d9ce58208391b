"""Verbs about what a run did, and the proof of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

from drp.cli.grammar.verb import Verb
from drp.cli.invocation import Common, Invocation


def report(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Run id, its tail, or a tenant's newest run.")],
    *,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it as a page as well.")] = None,
    common: Common,
) -> Invocation:
    return Invocation(verb="report", subject=run, html=html, common=common)


VERBS: Final[Mapping[str, Verb]] = {
    "report": Verb(
        "What a run did, from its journal alone: asked, done, compared, left out, held against its bars.",
        ("drp report 7f3a", "drp report 7f3a --html report.html"),
        report,
        (4, 7),
    ),
}
