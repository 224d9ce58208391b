"""Verbs that change who serves: plan, ask, apply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

import typer

from drp.cli.grammar.verb import RUN_CODES, AskLater, Out, Plan, Tenant, Verb
from drp.cli.invocation import Common, Invocation


def deploy(
    tenant: Tenant = "",
    *,
    plan: Plan = None,
    out: Out = None,
    ask_later: AskLater = False,
    common: Common,
) -> Invocation:
    return Invocation(verb="deploy", subject=tenant, plan=plan, out=out, ask_later=ask_later, common=common)


def migrate(
    tenant: Tenant = "",
    *,
    to: Annotated[str, typer.Option("--to", metavar="SITE", help="Where it shall be served.")] = "",
    plan: Plan = None,
    out: Out = None,
    ask_later: AskLater = False,
    common: Common,
) -> Invocation:
    return Invocation(
        verb="migrate", subject=tenant, site=to, plan=plan, out=out, ask_later=ask_later, common=common
    )


def retire(
    tenant: Tenant = "",
    *,
    source: Annotated[str, typer.Option("--from", metavar="SITE", help="Where its old stack is.")] = "",
    plan: Plan = None,
    out: Out = None,
    ask_later: AskLater = False,
    common: Common,
) -> Invocation:
    return Invocation(
        verb="retire", subject=tenant, site=source, plan=plan, out=out, ask_later=ask_later, common=common
    )


VERBS: Final[Mapping[str, Verb]] = {
    "deploy": Verb(
        "Create a tenant's stack at its home and open it to clients.",
        ("drp deploy acme", "drp plan deploy acme -v"),
        deploy,
        RUN_CODES,
        is_planned=True,
    ),
    "migrate": Verb(
        "Move a live tenant to another site, losing no write.",
        ("drp migrate acme --to dc5", "drp migrate acme --to dc5 --yes --json"),
        migrate,
        RUN_CODES,
        is_planned=True,
        needs="--to",
    ),
    "retire": Verb(
        "Remove a tenant's old stack from the site it has left.",
        ("drp retire acme --from dc3", "drp plan retire acme --from dc3"),
        retire,
        RUN_CODES,
        is_planned=True,
        needs="--from",
    ),
}
