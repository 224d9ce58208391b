"""From an argument list to an ``Invocation``; parsing has no other effect."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from typing import Annotated, Any, Final

import typer

from drp.cli.grammar.catalogue import GROUPS, VERBS
from drp.cli.help import describe
from drp.cli.invocation import Invocation, hoist_options, with_common
from drp.cli.suggestions import suggest
from drp.errors import UsageError

UsageFault: Final[type[Exception]] = typer.BadParameter.__bases__[0]
"""What Typer raises for wrong arguments; it hands out only this subclass."""


def build_app() -> typer.Typer:
    """All verbs; ``plan`` has those that change something once more."""
    app = _new_app("drp", "Move clients' stacks between datacenters, without losing a write.")
    app.callback()(_root)
    groups = {name: _new_app(name, line) for name, line in GROUPS.items()}
    for verb in VERBS:
        group, _, name = verb.rpartition(" ")
        _add(groups[group] if group else app, name, verb)
        if VERBS[verb].is_planned or VERBS[verb].is_for_many:
            _add(groups["plan"], verb, verb)
    for name, group_app in groups.items():
        above, _, own = name.rpartition(" ")
        (groups[above] if above else app).add_typer(group_app, name=own)
    return app


@cache
def open_command() -> Any:
    """Typer's own tree of groups, commands and their parameters."""
    return typer.main.get_command(build_app())


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"drp {version('drp')}")
        raise typer.Exit


def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_say_version, help="Which drp this is.")
    ] = False,
) -> None:
    """Move clients' stacks between datacenters, without losing a write."""


def _new_app(name: str, line: str) -> typer.Typer:
    settings = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
    return typer.Typer(
        name=name, help=line, rich_markup_mode=None, add_completion=False, context_settings=settings
    )


def _add(app: typer.Typer, name: str, verb: str) -> None:
    text, epilog = describe(VERBS[verb])
    settings = {"max_content_width": 100, "help_option_names": ["-h", "--help"]}
    app.command(name, help=text, epilog=epilog, context_settings=settings)(with_common(VERBS[verb].typed))


def parse_arguments(arguments: Sequence[str]) -> Invocation | None:
    """The invocation, or None when help was printed instead. Raises UsageError."""
    words = hoist_options([*arguments])
    try:
        found = open_command().main(words, prog_name="drp", standalone_mode=False)
    except UsageFault as fault:
        raise _refusal(fault, words) from fault
    except SystemExit:
        # Typer's way when nobody reads its help any more.
        return None
    if not isinstance(found, Invocation):
        return None
    if words[0] == "plan":
        found = replace(found, common=replace(found.common, dry_run=True))
    if VERBS[found.verb].is_planned:
        _check_change(found, words)
    return found


def _check_change(found: Invocation, words: Sequence[str]) -> None:
    """What Typer cannot tell: a kept plan stands for all arguments, and only a plan can be kept."""
    option = VERBS[found.verb].needs
    if found.plan is not None:
        fault = "a plan takes no other argument" if found.subject or found.site or found.out else ""
    elif not found.subject:
        fault = "missing argument 'TENANT'"
    elif option and not found.site:
        fault = f"missing option '{option}'"
    else:
        fault = "--out keeps plans only" if found.out and not found.common.dry_run else ""
    if fault:
        hint = suggest(words, [*VERBS])
        raise UsageError(f"cannot read 'drp {' '.join(words)}': {fault}", hint=hint)


def _refusal(fault: Exception, words: Sequence[str]) -> UsageError:
    hint = suggest(words, [*VERBS])
    return UsageError(f"cannot read 'drp {' '.join(words)}': {_cause(fault)}", hint=hint)


def _cause(fault: Exception) -> str:
    """Typer's words in ours: one clause, lower case, without its own suggestion."""
    describe_fault: Callable[[], str] = getattr(fault, "format_message", lambda: str(fault))
    message = describe_fault().split(" Did you mean", 1)[0].rstrip(".")
    return message[:1].lower() + message[1:]
