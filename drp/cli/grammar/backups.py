"""Verbs about the backups that there are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Final

import typer

from drp.cli.grammar.fleet import All, read_duration
from drp.cli.grammar.verb import Verb
from drp.cli.invocation import Common, Invocation
from drp.commands.fleet.orders import Selection

One = Annotated[str, typer.Argument(metavar="[TENANT]", help="One tenant; else all.")]
Named = Annotated[str, typer.Argument(metavar="[TENANT]", help="One tenant; else say --all.")]


def _select(tenant: str, *, everyone: bool) -> Selection:
    return Selection(everyone=everyone, tenants=(tenant,) if tenant else ())


def show(tenant: One = "", *, everyone: All = False, common: Common) -> Invocation:
    selection = _select(tenant, everyone=everyone or not tenant)
    return Invocation(verb="backups list", selection=selection, common=common)


def verify(
    tenant: Named = "",
    *,
    everyone: All = False,
    deep: Annotated[
        bool, typer.Option("--deep", help="Open each with the tenant's key and count what is in it.")
    ] = False,
    common: Common,
) -> Invocation:
    selection = _select(tenant, everyone=everyone)
    return Invocation(verb="backups verify", selection=selection, deep=deep, common=common)


def prune(
    tenant: Named = "",
    *,
    everyone: All = False,
    keep: Annotated[
        timedelta,
        typer.Option(
            "--keep", metavar="DURATION", parser=read_duration, help="Younger ones stay, as in 35d."
        ),
    ],
    common: Common,
) -> Invocation:
    selection = _select(tenant, everyone=everyone)
    return Invocation(verb="backups prune", selection=selection, keep=keep, common=common)


VERBS: Final[Mapping[str, Verb]] = {
    "backups list": Verb(
        "Which backups there are: age, documents, size, site; damaged ones are named.",
        ("drp backups list acme", "drp backups list --all --json"),
        show,
        (4, 11),
    ),
    "backups verify": Verb(
        "Hold every object of the backups against their signed manifests.",
        ("drp backups verify acme", "drp backups verify --all --deep"),
        verify,
        (4, 11),
    ),
    "backups prune": Verb(
        "Remove old backups; never the newest good one, nor one that an open run uses.",
        ("drp backups prune acme --keep 35d", "drp backups prune --all --keep 35d --dry-run"),
        prune,
        (4, 7),
    ),
}
