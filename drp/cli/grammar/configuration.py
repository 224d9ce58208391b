"""Verbs about the configuration and its secrets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

from drp.cli.grammar.verb import Verb
from drp.cli.invocation import Common, Invocation


def config_init(*, common: Common) -> Invocation:
    return Invocation(verb="config init", common=common)


def config_show(
    subject: Annotated[str, typer.Argument(metavar="[TENANT]", help="Only this tenant.")] = "",
    *,
    common: Common,
) -> Invocation:
    return Invocation(verb="config show", subject=subject, common=common)


def config_schema(*, common: Common) -> Invocation:
    return Invocation(verb="config schema", common=common)


def secrets_init(*, common: Common) -> Invocation:
    return Invocation(verb="secrets init", common=common)


def secrets_set(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name after `sealed:` in the configuration.")],
    *,
    file: Annotated[Path | None, typer.Option(metavar="FILE", help="Read it from here, not stdin.")] = None,
    common: Common,
) -> Invocation:
    return Invocation(verb="secrets set", subject=name, file=file, common=common)


def secrets_list(*, common: Common) -> Invocation:
    return Invocation(verb="secrets list", common=common)


VERBS: Final[Mapping[str, Verb]] = {
    "config init": Verb(
        "Write the smallest configuration to start from.",
        ("drp config init", "drp config init --config ./config"),
        config_init,
        (4,),
    ),
    "config show": Verb(
        "Print every effective value with its file, line and column.",
        ("drp config show acme", "drp config show --json"),
        config_show,
    ),
    "config schema": Verb(
        "Print the JSON Schema of the configuration, for editors.",
        ("drp config schema", "drp config schema --json"),
        config_schema,
    ),
    "secrets init": Verb(
        "Make a sealed file of secrets and the key that opens it.",
        ("drp secrets init --key-file drp.key", "drp secrets init --key-file drp.key --config ./config"),
        secrets_init,
        (4,),
    ),
    "secrets set": Verb(
        "Put one secret into the sealed file, read from standard input.",
        ("drp secrets set tsig --key-file drp.key", "drp secrets set h1 --file h1.json --key-file drp.key"),
        secrets_set,
        (4,),
    ),
    "secrets list": Verb(
        "Names of the sealed secrets, and of those the configuration misses.",
        ("drp secrets list --key-file drp.key", "drp secrets list --json --key-file drp.key"),
        secrets_list,
        (4, 11),
    ),
}
