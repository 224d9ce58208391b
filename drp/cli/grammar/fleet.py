"""Verbs that work on many tenants at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Final

import typer

from drp.cli.grammar.verb import RUN_CODES, Verb
from drp.cli.invocation import Common, Invocation
from drp.commands.fleet.orders import Consent, Selection
from drp.model.sights import MODES
from drp.model.values import parse_duration


def read_duration(text: str) -> timedelta:
    """Raises typer.BadParameter."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _mode(text: str) -> str:
    if text not in ("", *MODES):
        raise typer.BadParameter(f"'{text}' is no mode: write {' or '.join(MODES)}")
    return text


All = Annotated[bool, typer.Option("--all", help="Every tenant.")]
Tenants = Annotated[str, typer.Option("--tenants", metavar="A,B", help="These tenants.")]
Env = Annotated[str, typer.Option("--env", metavar="ENV", help="Tenants of this environment.")]
Tier = Annotated[str, typer.Option("--tier", metavar="TIER", help="Tenants of this tier.")]
Except = Annotated[str, typer.Option("--except", metavar="A,B", help="But not these.")]
From = Annotated[str, typer.Option("--from", metavar="SITE", help="The site that is lost.")]
To = Annotated[str, typer.Option("--to", metavar="SITE", help="Where they shall be served.")]
Count = Annotated[
    int | None, typer.Option("--expect-tenants", metavar="N", help="How many tenants will move.")
]
Loss = Annotated[
    timedelta | None,
    typer.Option(
        "--accept-loss", metavar="DURATION", parser=read_duration, help="Writes that may be lost, as in 5m."
    ),
]


Mode = Annotated[
    str,
    typer.Option(
        "--mode",
        metavar="MODE",
        parser=_mode,
        help="Of a site that shows life: `disaster` gives it up, `planned` does not.",
    ),
]

Parallel = Annotated[
    int | None, typer.Option("--parallel", metavar="N", min=1, max=32, help="How many tenants at once.")
]


def select(*, everyone: bool, tenants: str, env: str, tier: str, without: str) -> Selection:
    return Selection(
        everyone=everyone,
        tenants=tuple(name for name in tenants.split(",") if name),
        env=env,
        tier=tier,
        without=tuple(name for name in without.split(",") if name),
    )


def backup(
    tenant: Annotated[str, typer.Argument(metavar="[TENANT]", help="One tenant; else say which.")] = "",
    *,
    everyone: All = False,
    tenants: Tenants = "",
    env: Env = "",
    tier: Tier = "",
    without: Except = "",
    common: Common,
) -> Invocation:
    named = ",".join(name for name in (tenant, tenants) if name)
    selection = select(everyone=everyone, tenants=named, env=env, tier=tier, without=without)
    return Invocation(verb="backup", selection=selection, common=common)


def reserve(
    *,
    to: Annotated[str, typer.Option("--to", metavar="SITE", help="Only at this site; else at all.")] = "",
    everyone: All = False,
    tenants: Tenants = "",
    env: Env = "",
    tier: Tier = "",
    without: Except = "",
    common: Common,
) -> Invocation:
    selection = select(everyone=everyone, tenants=tenants, env=env, tier=tier, without=without)
    return Invocation(verb="reserve", site=to, selection=selection, common=common)


def start(
    what: Annotated[str, typer.Argument(metavar="HOST|TENANT", help="A host with all it serves, or one.")],
    *,
    common: Common,
) -> Invocation:
    return Invocation(verb="start", subject=what, common=common)


def failover(
    *,
    source: From = "",
    to: To = "",
    everyone: All = False,
    tenants: Tenants = "",
    env: Env = "",
    tier: Tier = "",
    without: Except = "",
    expect_tenants: Count = None,
    accept_loss: Loss = None,
    mode: Mode = "",
    parallel: Parallel = None,
    common: Common,
) -> Invocation:
    selection = select(everyone=everyone, tenants=tenants, env=env, tier=tier, without=without)
    consent = Consent(expect_tenants=expect_tenants, accept_loss=accept_loss, mode=mode)
    return Invocation(
        verb="failover",
        source=source,
        site=to,
        selection=selection,
        consent=consent,
        parallel=parallel or 0,
        common=common,
    )


def failback(
    *,
    to: Annotated[str, typer.Option("--to", metavar="SITE", help="Their home, when they have several.")] = "",
    everyone: All = False,
    tenants: Tenants = "",
    env: Env = "",
    tier: Tier = "",
    without: Except = "",
    expect_tenants: Count = None,
    parallel: Parallel = None,
    common: Common,
) -> Invocation:
    selection = select(everyone=everyone, tenants=tenants, env=env, tier=tier, without=without)
    return Invocation(
        verb="failback",
        site=to,
        selection=selection,
        consent=Consent(expect_tenants=expect_tenants),
        parallel=parallel or 0,
        common=common,
    )


def retry(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Run id or its tail.")],
    *,
    failed: Annotated[bool, typer.Option("--failed", help="All that were set aside.")] = False,
    tenants: Tenants = "",
    common: Common,
) -> Invocation:
    selection = select(everyone=False, tenants=tenants, env="", tier="", without="")
    return Invocation(verb="retry", subject=run, failed=failed, selection=selection, common=common)


VERBS: Final[Mapping[str, Verb]] = {
    "backup": Verb(
        "Take a backup of tenants beside their databases, while they serve.",
        ("drp backup acme", "drp backup --all"),
        backup,
        RUN_CODES,
        is_for_many=True,
    ),
    "reserve": Verb(
        "Have images and certificates of tenants at the hosts where they may be served.",
        ("drp reserve --all", "drp reserve --all --to dc5"),
        reserve,
        RUN_CODES,
        is_for_many=True,
    ),
    "start": Verb(
        "After a restart of its host: secrets, databases, API; only what is served there.",
        ("drp start h1", "drp start acme"),
        start,
        RUN_CODES,
        is_for_many=True,
    ),
    "failover": Verb(
        "Serve at another site what a site served: from backups, or losing no write.",
        (
            "drp failover --from dc3 --to dc5 --all",
            "drp failover --from dc3 --to dc5 --all --mode planned --parallel 8",
        ),
        failover,
        RUN_CODES,
        is_for_many=True,
    ),
    "failback": Verb(
        "Bring tenants home, losing no write; who fails stays served where it is.",
        ("drp failback --all", "drp failback --tenants acme,globex --to dc3"),
        failback,
        RUN_CODES,
        is_for_many=True,
    ),
    "retry": Verb(
        "Finish for those tenants of a run that were set aside.",
        ("drp retry 7f3a --failed", "drp retry 7f3a --tenants acme"),
        retry,
        RUN_CODES,
    ),
}
