"""Verbs about drills."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

import typer

from drp.cli.grammar.fleet import All, Env, Except, Tenants, Tier
from drp.cli.grammar.verb import Verb
from drp.cli.invocation import Common, Invocation
from drp.commands.fleet.orders import Selection

Sample = Annotated[
    int | None, typer.Option("--sample", metavar="N", help="So many, those whose proof is the oldest.")
]
Where = Annotated[
    str, typer.Option("--site", metavar="SITE", help="Where; else at a site that does not serve the tenant.")
]


def run(
    *,
    everyone: All = False,
    tenants: Tenants = "",
    env: Env = "",
    tier: Tier = "",
    without: Except = "",
    sample: Sample = None,
    site: Where = "",
    common: Common,
) -> Invocation:
    given = any((everyone, tenants, env, tier))
    selection = Selection(
        # a sample of all, unless it says of whom
        everyone=everyone or (sample is not None and not given),
        tenants=tuple(name for name in tenants.split(",") if name),
        env=env,
        tier=tier,
        without=tuple(name for name in without.split(",") if name),
    )
    return Invocation(verb="drill run", selection=selection, sample=sample, site=site, common=common)


VERBS: Final[Mapping[str, Verb]] = {
    "drill run": Verb(
        "Prove that backups can be restored: in a bubble beside what serves, removed again at the end.",
        ("drp drill run --sample 2", "drp drill run --tenants acme --site dc5"),
        run,
        (4, 5, 9, 11),
    ),
}
