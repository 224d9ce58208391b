"""The verbs and their options; parsing an argument list has no effect but an ``Invocation``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Annotated, Final

import typer

from drp.cli.help import describe
from drp.cli.invocation import Common, Invocation, hoist_options, with_common
from drp.cli.suggestions import suggest
from drp.errors import UsageError

Tenant = Annotated[str, typer.Argument(metavar="TENANT", help="Name of a tenant of the configuration.")]
Plan = Annotated[Path | None, typer.Option(metavar="FILE", help="Run exactly this plan; no other argument.")]
Out = Annotated[Path | None, typer.Option(metavar="FILE", help="With --dry-run or `plan`: keep the plan.")]
Run = Annotated[str, typer.Argument(metavar="[RUN]", help="Run id or its tail; a tenant's newest run.")]

_AREAS: Final = "config, secrets, engines, stores or dns; else all."

UsageFault: Final[type[Exception]] = typer.BadParameter.__bases__[0]
"""What Typer raises for wrong arguments; it hands out only this subclass."""


def deploy(tenant: Tenant = "", *, plan: Plan = None, out: Out = None, common: Common) -> Invocation:
    return Invocation(verb="deploy", subject=tenant, plan=plan, out=out, common=common)


def migrate(
    tenant: Tenant = "",
    *,
    to: Annotated[str, typer.Option("--to", metavar="SITE", help="Where it shall be served.")] = "",
    plan: Plan = None,
    out: Out = None,
    common: Common,
) -> Invocation:
    return Invocation(verb="migrate", subject=tenant, site=to, plan=plan, out=out, common=common)


def retire(
    tenant: Tenant = "",
    *,
    source: Annotated[str, typer.Option("--from", metavar="SITE", help="Where its old stack is.")] = "",
    plan: Plan = None,
    out: Out = None,
    common: Common,
) -> Invocation:
    return Invocation(verb="retire", subject=tenant, site=source, plan=plan, out=out, common=common)


def status(
    subject: Annotated[str, typer.Argument(metavar="[RUN|TENANT]", help="Only this one.")] = "",
    *,
    common: Common,
) -> Invocation:
    return Invocation(verb="status", subject=subject, common=common)


def check(
    areas: Annotated[list[str] | None, typer.Argument(metavar="[AREA]...", help=_AREAS)] = None,
    *,
    common: Common,
) -> Invocation:
    return Invocation(verb="check", areas=tuple(areas or ()), common=common)


def resume(run: Run = "", *, common: Common) -> Invocation:
    return Invocation(verb="resume", subject=run, common=common)


def rollback(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Run id, its tail, or a tenant.")],
    *,
    common: Common,
) -> Invocation:
    return Invocation(verb="rollback", subject=run, common=common)


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


VERBS: Final[Mapping[str, Callable[..., Invocation]]] = {
    "deploy": deploy,
    "migrate": migrate,
    "retire": retire,
    "status": status,
    "check": check,
    "resume": resume,
    "rollback": rollback,
    "config init": config_init,
    "config show": config_show,
    "config schema": config_schema,
    "secrets init": secrets_init,
    "secrets set": secrets_set,
    "secrets list": secrets_list,
}
_GROUPS: Final = {
    "plan": "What VERB would do; changes nothing.",
    "config": "The configuration: begin one, show it, its schema.",
    "secrets": "The sealed file of secrets.",
}
_SITE_OPTION: Final = {"deploy": "", "migrate": "--to", "retire": "--from"}
"""The verbs that change something, each with the option it needs besides the tenant."""


def build_app() -> typer.Typer:
    """All verbs; ``plan`` has those that change something once more."""
    app = _new_app("drp", "Move clients' stacks between datacenters, without losing a write.")
    groups = {name: _new_app(name, line) for name, line in _GROUPS.items()}
    for verb in VERBS:
        group, _, name = verb.rpartition(" ")
        _add(groups[group] if group else app, name, verb)
    for verb in _SITE_OPTION:
        _add(groups["plan"], verb, verb)
    for name, group_app in groups.items():
        app.add_typer(group_app, name=name)
    return app


_open_command = cache(lambda: typer.main.get_command(build_app()))


def _new_app(name: str, line: str) -> typer.Typer:
    settings = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
    return typer.Typer(
        name=name, help=line, rich_markup_mode=None, add_completion=False, context_settings=settings
    )


def _add(app: typer.Typer, name: str, verb: str) -> None:
    text, epilog = describe(verb)
    settings = {"max_content_width": 100, "help_option_names": ["-h", "--help"]}
    app.command(name, help=text, epilog=epilog, context_settings=settings)(with_common(VERBS[verb]))


def parse_arguments(arguments: Sequence[str]) -> Invocation | None:
    """The invocation, or None when help was printed instead. Raises UsageError."""
    words = hoist_options([*arguments])
    try:
        found = _open_command().main(words, prog_name="drp", standalone_mode=False)
    except UsageFault as fault:
        raise _refusal(fault, words) from fault
    except SystemExit:
        # Typer's way when nobody reads its help any more.
        return None
    if not isinstance(found, Invocation):
        return None
    if words[0] == "plan":
        found = replace(found, common=replace(found.common, dry_run=True))
    if found.verb in _SITE_OPTION:
        _check_change(found, words)
    return found


def _check_change(found: Invocation, words: Sequence[str]) -> None:
    """What Typer cannot tell: a kept plan stands for all arguments, and only a plan can be kept."""
    option = _SITE_OPTION[found.verb]
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
