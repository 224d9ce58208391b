"""What makes typing easier: completion in the operator's shell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

import typer

from drp.cli.grammar.verb import Verb
from drp.cli.invocation import Common, Invocation

SHELLS: Final = ("bash", "zsh", "fish")


def completion(
    shell: Annotated[str, typer.Argument(metavar="SHELL", help=f"{', '.join(SHELLS[:-1])} or {SHELLS[-1]}.")],
    *,
    common: Common,
) -> Invocation:
    return Invocation(verb="completion", subject=shell, common=common)


VERBS: Final[Mapping[str, Verb]] = {
    "completion": Verb(
        "Print a script by which a shell completes verbs, options, tenants, sites and runs.",
        ("drp completion bash", "drp completion fish"),
        completion,
    ),
}
