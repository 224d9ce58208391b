"""Verbs about the bundle of all that a failover needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

from drp.cli.grammar.verb import Verb
from drp.cli.invocation import Common, Invocation


def make(
    *,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="New folder to write.")],
    no_images: Annotated[bool, typer.Option("--no-images", help="Without the archives of images.")] = False,
    common: Common,
) -> Invocation:
    return Invocation(verb="bundle make", out=out, no_images=no_images, common=common)


def verify(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="A bundle.")], *, common: Common
) -> Invocation:
    return Invocation(verb="bundle verify", subject=folder, common=common)


VERBS: Final[Mapping[str, Verb]] = {
    "bundle make": Verb(
        "Write all that a failover needs into a folder, for a machine that never ran drp.",
        ("drp bundle make --out bundle", "drp bundle make --out bundle --no-images"),
        make,
        (4, 9),
    ),
    "bundle verify": Verb(
        "Hold every file of a bundle against its signed list.",
        ("drp bundle verify bundle", "drp bundle verify . --json"),
        verify,
        (4, 11),
    ),
}
