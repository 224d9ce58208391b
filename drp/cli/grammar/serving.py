"""The verb that goes on until it is stopped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

import typer

from drp.cli.grammar.verb import Verb
from drp.cli.invocation import Common, Invocation

PORT: Final = 9108


def serve(
    *,
    port: Annotated[
        int,
        typer.Option("--port", metavar="PORT", min=0, max=65535, help="/health and /metrics, loopback."),
    ] = PORT,
    unit: Annotated[bool, typer.Option("--unit", help="Only print a systemd unit.")] = False,
    common: Common,
) -> Invocation:
    return Invocation(verb="serve", port=port, unit=unit, common=common)


VERBS: Final[Mapping[str, Verb]] = {
    "serve": Verb(
        "Be the controller: backups, reserve, drills, restarted hosts, by policy, until stopped.",
        ("drp serve", "drp serve --unit"),
        serve,
        (4,),
    )
}
