"""What the engine asks to be done, and the answers it understands.

The engine is handed one function, ``Perform``, and knows nothing behind it: a step could as well run in
another process. ``(run, step, phase, attempt)`` names one execution.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Final, Literal, TypeAlias

from drp.errors import DrpError, ProviderError, RateLimitedError
from drp.model.plan import Step
from drp.model.values import Json, JsonMap

Phase = Literal["observe", "apply", "undo"]

OBSERVE: Final[Phase] = "observe"
APPLY: Final[Phase] = "apply"
UNDO: Final[Phase] = "undo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One execution of one phase of a step.

    ``attempt`` counts from 1 for looking and applying, and again from 1 for undoing. ``inputs`` maps the
    id of each step this one needs, directly or not, to its outputs; likewise of those it is ``after`` that
    hold. ``failures`` maps the scope of each of the others to its first failure, ``{step, error, message}``.
    """

    step: Step
    phase: Phase
    attempt: int
    inputs: Mapping[str, JsonMap] = field(default_factory=dict)
    failures: Mapping[str, JsonMap] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Absent:
    """Looked: nothing of it is there (or it can only be known by doing it again)."""


@dataclass(frozen=True, slots=True)
class Partial:
    """Looked: a part is there; applying completes it."""

    detail: str


@dataclass(frozen=True, slots=True)
class Present:
    """Looked: it is so already, with these outputs."""

    outputs: JsonMap = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Done:
    """Applied and proven (with these outputs), or undone."""

    outputs: JsonMap = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """Any phase: it could not be done. After a failed apply the world may hold nothing, a part or all of it.

    ``error`` is the name of the error's class, ``transient`` says that the same call may succeed later,
    ``retry_after`` (seconds) that it will not before; ``page`` names the page that explains it.
    """

    error: str
    message: str
    state: str = ""
    hint: str = ""
    transient: bool = False
    retry_after: float | None = None
    page: str = ""

    @classmethod
    def of(cls, error: Exception) -> Failed:
        """From an exception. Of a foreign one only type and place are kept: its text may hold anything."""
        if not isinstance(error, DrpError):
            frames = traceback.extract_tb(error.__traceback__)
            where = f" at {frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else ""
            return cls(error="BugError", message=f"unexpected {type(error).__name__}{where}")
        return cls(
            error=type(error).__name__,
            message=error.message,
            state=error.state,
            hint=error.hint,
            page=error.page,
            transient=isinstance(error, ProviderError) and error.transient,
            retry_after=error.retry_after if isinstance(error, RateLimitedError) else None,
        )

    def to_json(self) -> JsonMap:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> Failed:
        """The inverse of ``to_json``."""
        return cls(**data)  # type: ignore[arg-type]


Outcome: TypeAlias = Absent | Partial | Present | Done | Failed
OnProgress: TypeAlias = Callable[[JsonMap], None]
Perform: TypeAlias = Callable[[Task, OnProgress], Outcome]
"""Does the task, in a worker thread, and says how it went. A raised exception counts as ``Failed.of`` it."""
