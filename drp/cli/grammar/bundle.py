"""Verbs about the bundle of all that a failover needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

from drp.cli.grammar.verb import Verb
from drp.cli.invocation import Common, Invocation, StoreWords


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


def put(*, common: Common) -> Invocation:
    return Invocation(verb="bundle put", common=common)


def get(
    bundle: Annotated[str, typer.Argument(metavar="[BUNDLE]", help="Its id; else the newest.")] = "",
    *,
    url: Annotated[str, typer.Option("--store", metavar="URL", help="Endpoint of the object store.")],
    bucket: Annotated[str, typer.Option("--bucket", metavar="NAME", help="Bucket.")],
    credentials: Annotated[
        Path, typer.Option("--credentials", metavar="FILE", help="JSON {access, secret} of who may read it.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="New folder to write.")],
    region: Annotated[str, typer.Option("--region", metavar="NAME", help="Region.")] = "us-east-1",
    keys: Annotated[
        str, typer.Option("--keys", metavar="HEX", help="Fingerprint of the keys that may sign it.")
    ] = "",
    common: Common,
) -> Invocation:
    store = StoreWords(url=url, bucket=bucket, region=region, credentials=credentials, keys=keys)
    return Invocation(verb="bundle get", subject=bundle, out=out, store=store, common=common)


VERBS: Final[Mapping[str, Verb]] = {
    "bundle make": Verb(
        "Write all that a failover needs into a folder, for a machine that never ran drp.",
        ("drp bundle make --out bundle", "drp bundle make --out bundle --no-images"),
        make,
        (4, 9),
    ),
    "bundle put": Verb(
        "Put a bundle into every store that the configuration names for it, and remove old ones.",
        ("drp bundle put", "drp bundle put --json"),
        put,
        (4, 9),
    ),
    "bundle get": Verb(
        "Fetch a bundle from a store onto a machine that never ran drp, whole or not at all.",
        (
            "drp bundle get --store https://s3.example.net --bucket backups --credentials c.json --out b",
            "drp bundle get --store https://s3.example --bucket backups --credentials c --out b --keys 3f0c",
        ),
        get,
        (4, 6),
    ),
    "bundle verify": Verb(
        "Hold every file of a bundle against its signed list.",
        ("drp bundle verify bundle", "drp bundle verify . --json"),
        verify,
        (4, 11),
    ),
}
