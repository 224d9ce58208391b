"""Verbs about when drills are due."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Final

import typer

from drp.cli.grammar.drill import Where
from drp.cli.grammar.fleet import Tenants, read_duration
from drp.cli.grammar.verb import Verb
from drp.cli.invocation import Common, Invocation
from drp.model.drills import DrillSchedule

Name = Annotated[str, typer.Argument(metavar="NAME", help="Of the schedule, as `drill schedule list` shows.")]


def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="By which it is listed and paused.")],
    *,
    cron: Annotated[
        str, typer.Option("--cron", metavar="CRON", help="When: five fields in quotes, or @daily, @weekly.")
    ],
    zone: Annotated[
        str, typer.Option("--zone", metavar="ZONE", help="On whose clock; else that of `timezone`.")
    ] = "",
    tenants: Tenants = "",
    sample: Annotated[
        int, typer.Option("--sample", metavar="N", min=0, help="Only so many, those whose proof is oldest.")
    ] = 0,
    site: Where = "",
    within: Annotated[
        timedelta | None,
        typer.Option(
            "--within", metavar="DURATION", parser=read_duration, help="Left before business hours; else 1h."
        ),
    ] = None,
    in_hours: Annotated[bool, typer.Option("--in-hours", help="Business hours do not put it off.")] = False,
    common: Common,
) -> Invocation:
    schedule = DrillSchedule(
        name=name,
        cron=cron,
        zone=zone,
        tenants=tuple(each for each in tenants.split(",") if each),
        sample=sample,
        site=site,
        within=timedelta(hours=1) if within is None else within,
        in_hours=in_hours,
    )
    return Invocation(verb="drill schedule add", subject=name, schedule=schedule, common=common)


def show(*, common: Common) -> Invocation:
    return Invocation(verb="drill schedule list", common=common)


def pause(
    name: Name,
    *,
    off: Annotated[bool, typer.Option("--off", help="Let it go on; what it missed is not made up.")] = False,
    common: Common,
) -> Invocation:
    return Invocation(verb="drill schedule pause", subject=name, off=off, common=common)


def remove(name: Name, *, common: Common) -> Invocation:
    return Invocation(verb="drill schedule remove", subject=name, common=common)


def coming(*, common: Common) -> Invocation:
    return Invocation(verb="drill schedule next", common=common)


VERBS: Final[Mapping[str, Verb]] = {
    "drill schedule add": Verb(
        "Have the controller drill again and again; nothing begins now.",
        (
            "drp drill schedule add weekly --cron '0 3 * * Sun' --sample 7 --site dc5",
            "drp drill schedule add nightly --cron @daily --sample 2",
        ),
        add,
        (4,),
    ),
    "drill schedule list": Verb(
        "All schedules of drills: those of the configuration, and those that were added.",
        ("drp drill schedule list", "drp drill schedule list --json"),
        show,
        (4,),
    ),
    "drill schedule pause": Verb(
        "Have a schedule begin nothing, or let it go on.",
        ("drp drill schedule pause weekly", "drp drill schedule pause weekly --off"),
        pause,
        (4,),
    ),
    "drill schedule remove": Verb(
        "Forget a schedule that was added.",
        ("drp drill schedule remove weekly", "drp drill schedule remove nightly --dry-run"),
        remove,
        (4,),
    ),
    "drill schedule next": Verb(
        "When the next drills begin, and of whom; missed and put off ones too.",
        ("drp drill schedule next", "drp drill schedule next --json"),
        coming,
        (4,),
    ),
}
