"""Verbs about what a run did, and the proof of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

from drp.cli.grammar.verb import Verb
from drp.cli.invocation import Common, Invocation

Run = Annotated[str, typer.Argument(metavar="RUN", help="Run id, its tail, or a tenant's newest run.")]


def report(
    run: Run,
    *,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it as a page as well.")] = None,
    evidence: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it with the journal, signed, for auditors.")
    ] = None,
    common: Common,
) -> Invocation:
    return Invocation(verb="report", subject=run, html=html, out=evidence, common=common)


def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An evidence, or an extract of one.")],
    *,
    key: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY", help="A site's public key (base64), instead of the configuration's."),
    ] = None,
    journal: Annotated[
        bool, typer.Option("--journal", help="Hold it against the journal, here or in the witness, as well.")
    ] = False,
    common: Common,
) -> Invocation:
    return Invocation(
        verb="evidence verify", file=file, names=tuple(key or ()), is_against_journal=journal, common=common
    )


def extract(
    run: Run,
    *,
    tenant: Annotated[str, typer.Option("--tenant", metavar="TENANT", help="Whose part.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write it.")],
    common: Common,
) -> Invocation:
    return Invocation(verb="evidence extract", subject=run, names=(tenant,), out=out, common=common)


VERBS: Final[Mapping[str, Verb]] = {
    "report": Verb(
        "What a run did, from its journal alone: asked, done, compared, left out, held against its bars.",
        ("drp report 7f3a", "drp report 7f3a --html report.html --evidence report.evidence"),
        report,
        (4, 7),
    ),
    "evidence verify": Verb(
        "Compute a signed report again from its records, and hold it against the sites' keys.",
        ("drp evidence verify report.evidence", "drp evidence verify acme.extract --json"),
        verify,
        (4, 7, 11),
    ),
    "evidence extract": Verb(
        "Write one tenant's part of a run, signed, with nothing of others in it.",
        (
            "drp evidence extract 7f3a --tenant acme --out acme.extract",
            "drp evidence extract acme --tenant acme --out acme.extract",
        ),
        extract,
        (4, 7),
    ),
}
