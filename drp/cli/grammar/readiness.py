"""The verb that judges a failover beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

from drp.cli.grammar.fleet import All, Env, Except, Tenants, Tier, select
from drp.cli.grammar.verb import Verb
from drp.cli.invocation import Common, Invocation


def readiness(
    *,
    source: Annotated[
        str, typer.Option("--from", metavar="SITE", help="Should it be lost; else the one that serves most.")
    ] = "",
    to: Annotated[
        str, typer.Option("--to", metavar="SITE", help="Where they would be served; else the only other.")
    ] = "",
    everyone: All = False,
    tenants: Tenants = "",
    env: Env = "",
    tier: Tier = "",
    without: Except = "",
    fit: Annotated[bool, typer.Option("--fit", help="Each host as it would be then.")] = False,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="A page for people too.")
    ] = None,
    common: Common,
) -> Invocation:
    is_given = any((everyone, tenants, env, tier))
    selection = select(
        everyone=everyone or not is_given, tenants=tenants, env=env, tier=tier, without=without
    )
    return Invocation(
        verb="readiness", source=source, site=to, selection=selection, fit=fit, html=html, common=common
    )


VERBS: Final[Mapping[str, Verb]] = {
    "readiness": Verb(
        "Could we fail over now, how fast, losing what; all that speaks against it by name.",
        ("drp readiness", "drp readiness --from dc3 --to dc5 --fit"),
        readiness,
        (4, 11),
    )
}
