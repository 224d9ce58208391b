"""Everything that can be said while a command works: one stream for all renderers.

Each event becomes one JSON object by ``event_to_json``; an empty or missing value is left out, what is
not known is the word ``unknown``. Moments are UTC; durations carry their unit in the name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import ClassVar, Final, Literal

from drp.commands.endings import hint_of, state_of
from drp.errors import ConfigError, DrpError
from drp.model.values import Json, JsonMap

UNKNOWN: Final = "unknown"
NOBODY: Final = "nobody"
"""Instead of a site: it is proven that no site serves."""

StageStatus = Literal["begun", "done", "failed"]
StepStatus = Literal["begun", "done", "failed", "retrying", "undoing", "undone", "unsure", "stuck", "skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvent:
    """A run began, was taken up again, turned back or ended; ``steps`` is how many the plan has.

    ``eta_s``: how long such runs take, give or take ``spread_s``; only when it begins, from three runs on.
    """

    kind: ClassVar[str] = "run"
    run: str
    name: str
    tenant: str
    status: str
    source: str = ""
    target: str = ""
    steps: int = 0
    reason: str = ""
    eta_s: int | None = None
    spread_s: int | None = None
    stages: tuple[tuple[str, int], ...] = ()
    """Names of the stages with their numbers of steps; not in JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageEvent:
    """A stage began or ended. ``done`` of ``total`` steps are done."""

    kind: ClassVar[str] = "stage"
    name: str
    tenant: str
    status: StageStatus
    done: int = 0
    total: int = 0
    elapsed_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepEvent:
    """A step changed its state. ``reason`` only for failed, retrying, unsure and stuck."""

    kind: ClassVar[str] = "step"
    step: str
    stage: str
    tenant: str
    attempt: int
    status: StepStatus
    elapsed_ms: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressEvent:
    """How far a step is. ``total`` None: not known; ``rate`` in ``unit`` a second."""

    kind: ClassVar[str] = "progress"
    step: str
    stage: str
    tenant: str
    done: int
    total: int | None
    unit: str
    rate: float | None = None
    eta_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldEvent:
    """Who serves a tenant: a site, ``nobody`` or ``unknown``. ``way_back``: auto or none."""

    kind: ClassVar[str] = "world"
    tenant: str
    serves: str
    writes: bool | None
    way_back: Literal["auto", "none"]
    probed: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionEvent:
    """Something only a human may answer; ``flag`` is the option that answers it."""

    kind: ClassVar[str] = "question"
    code: str
    text: str
    flag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningEvent:
    kind: ClassVar[str] = "warning"
    code: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorEvent:
    """Why a command or a step failed, taken apart by the grammar of messages.

    ``code`` is a page of ``drp explain CODE``; ``error`` the kind of error, as in ``verification``.
    """

    kind: ClassVar[str] = "error"
    code: str
    error: str = ""
    verb: str = ""
    object: str = ""
    cause: str
    place: str = ""
    state: str = ""
    hint: str = ""


Event = (
    RunEvent | StageEvent | StepEvent | ProgressEvent | WorldEvent | QuestionEvent | WarningEvent | ErrorEvent
)
Emit = Callable[[Event], None]

_RENAMED: Final = {"source": "from", "target": "to"}
_MESSAGE: Final = re.compile(
    r"cannot (?P<verb>[^']+?) '(?P<object>[^']*)'(?P<rest>[^:]*)?: (?P<cause>.+)", re.S
)


def event_to_json(event: Event) -> JsonMap:
    """The event's own fields with ``kind`` first."""
    data: JsonMap = {"kind": event.kind}
    for field in fields(event):
        value = _json(getattr(event, field.name))
        if value is not None and value != "":
            data[_RENAMED.get(field.name, field.name)] = value
    if isinstance(event, WorldEvent) and event.writes is None:
        data["writes"] = UNKNOWN
    return data


def _json(value: object) -> Json:
    if isinstance(value, datetime):
        return render_utc(value)
    return value if isinstance(value, bool | int | float | str) else None


def render_utc(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds: ``2026-11-04T20:04:11.000Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def code_of(kind: str) -> str:
    """``VerificationError`` -> ``verification``; stable, for machines."""
    name = kind.removesuffix("Error") or "error"
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()


def build_error_events(error: BaseException) -> list[ErrorEvent]:
    """One event for an error; one for each problem of a configuration."""
    if isinstance(error, ConfigError):
        return [
            ErrorEvent(
                code="config",
                error="config",
                cause=problem.message,
                place=str(problem.place),
                hint=problem.hint,
            )
            for problem in error.problems
        ]
    if not isinstance(error, DrpError):
        return [ErrorEvent(code="bug", error="bug", cause=type(error).__name__, hint=hint_of(error))]
    return [
        build_error_event(
            type(error).__name__, error.message, state=state_of(error), hint=hint_of(error), page=error.page
        ),
    ]


def build_error_event(kind: str, message: str, *, state: str, hint: str, page: str) -> ErrorEvent:
    """``kind`` is the name of the error's class; the message is taken apart by its grammar."""
    verb, thing, cause = parse_message(message)
    word = code_of(kind)
    return ErrorEvent(
        code=page or word, error=word, verb=verb, object=thing, cause=cause, state=state, hint=hint
    )


def parse_message(message: str) -> tuple[str, str, str]:
    """``cannot VERB 'OBJECT': CAUSE`` -> its three parts; of anything else only a cause."""
    match = _MESSAGE.match(message)
    if match is None:
        return "", "", message
    return match["verb"] + (match["rest"] or "").rstrip(), match["object"], match["cause"]
