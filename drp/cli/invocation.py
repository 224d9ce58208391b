"""What the command line asked for, as data, and the options that every verb takes."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, get_type_hints

import typer

from drp.commands.fleet.orders import NO_CONSENT, NOBODY, Consent, Selection
from drp.model.drills import DrillSchedule


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """The options that every verb takes."""

    yes: Annotated[bool, typer.Option("--yes", help="Answer y to y/N questions.")] = False
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done; same as `drp plan`.")
    ] = False
    json: Annotated[bool, typer.Option("--json", help="JSON lines on stdout, no question.")] = False
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only the final block.")] = False
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Each step and each retry.")] = False
    explain: Annotated[bool, typer.Option("--explain", help="Why each step is there.")] = False
    config: Annotated[
        Path, typer.Option(envvar="DRP_CONFIG", metavar="DIR", help="Folder of the configuration.")
    ] = Path("config")
    runbooks: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the runbooks (else those beside drp).")
    ] = None
    state: Annotated[
        Path | None,
        typer.Option(envvar="DRP_STATE", metavar="DIR", help="Folder of the journals (~/.local/state/drp)."),
    ] = None
    key_file: Annotated[
        Path | None,
        typer.Option(envvar="DRP_KEY_FILE", metavar="FILE", help="Key that opens the sealed secrets."),
    ] = None
    no_color: Annotated[bool, typer.Option("--no-color", help="No colour; as NO_COLOR.")] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreWords:
    """A store that no configuration names; ``keys``: fingerprint of those whose signature counts, or ""."""

    url: str = ""
    bucket: str = ""
    region: str = ""
    credentials: Path = Path()
    keys: str = ""


NO_STORE: Final = StoreWords()


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """``verb`` in full (``config show``), ``subject`` the object acted on (tenant, run, secret) or "".

    ``site`` is that of --to or --from; ``file`` that of --file; ``areas`` those of check;
    ``plan`` a plan to run, ``out`` where to keep one. ``names``: runbooks, keys, or a tenant;
    ``svg``: where to draw one.
    ``source`` is --from where there is a --to as well; ``selection`` who is meant by a verb for many,
    ``consent`` what its options agree to; ``failed`` --failed, ``deep`` --deep, ``keep`` --keep;
    ``port`` and ``unit`` those of serve; ``no_images`` --no-images; ``fit`` --fit, ``html`` --html;
    ``sample`` --sample; ``parallel`` --parallel, 0: as usual; ``schedule`` what `drill schedule add` adds,
    ``off`` --off; ``store`` where `bundle get` finds one.
    """

    verb: str
    common: Common
    subject: str = ""
    site: str = ""
    file: Path | None = None
    areas: tuple[str, ...] = ()
    plan: Path | None = None
    out: Path | None = None
    back: bool = False
    ask_later: bool = False
    names: tuple[str, ...] = ()
    svg: str = ""
    source: str = ""
    selection: Selection = NOBODY
    consent: Consent = NO_CONSENT
    failed: bool = False
    deep: bool = False
    keep: timedelta = timedelta(0)
    port: int = 0
    unit: bool = False
    no_images: bool = False
    fit: bool = False
    html: Path | None = None
    is_against_journal: bool = False
    sample: int | None = None
    schedule: DrillSchedule | None = None
    off: bool = False
    parallel: int = 0
    store: StoreWords = NO_STORE


def with_common(function: Callable[..., Invocation]) -> Callable[..., Invocation]:
    """Give a verb the common options; the function itself gets them as one ``common`` argument.

    Typer reads signatures, so the options are written into the wrapper's.
    """
    names = [field.name for field in fields(Common)]

    @functools.wraps(function)
    def wrapper(**arguments: Any) -> Invocation:
        common = Common(**{name: arguments.pop(name) for name in names})
        return function(**arguments, common=common)

    hints = get_type_hints(function, include_extras=True)
    own = [
        parameter.replace(annotation=hints[parameter.name], kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in inspect.signature(function).parameters.values()
        if parameter.name != "common"
    ]
    parameters = [*own, *_common_parameters()]
    wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    wrapper.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return wrapper


def _common_parameters() -> list[inspect.Parameter]:
    hints = get_type_hints(Common, include_extras=True)
    return [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name]
        )
        for field in fields(Common)
    ]


def hoist_options(arguments: list[str]) -> list[str]:
    """Move common options that stand before the verb to the end, where Typer looks for them.

    ``--json plan migrate acme`` -> ``plan migrate acme --json``; what is not a common option stays,
    and gets Typer's own complaint.
    """
    moved: list[str] = []
    rest = list(arguments)
    while rest and rest[0].startswith("-"):
        count = _width(rest)
        if count == 0:
            return arguments
        moved += rest[:count]
        rest = rest[count:]
    end = rest.index("--") if "--" in rest else len(rest)
    return [*rest[:end], *moved, *rest[end:]] if rest else arguments


def _width(arguments: list[str]) -> int:
    """How many words the common option at the front takes, 0 when it is none."""
    name, equals, _ = arguments[0].partition("=")
    if name in _FLAGS:
        return 1
    return (1 if equals else 2) if name in _VALUED else 0


_FLAGS: Final = frozenset(
    ["--yes", "--dry-run", "--json", "--quiet", "-q", "--verbose", "-v", "--explain", "--no-color"]
)
_VALUED: Final = frozenset(["--config", "--runbooks", "--state", "--key-file"])
