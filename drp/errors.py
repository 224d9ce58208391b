"""Every error a user of drp can meet, and what it tells.

    DrpError                        exit code
    ├── UsageError                   2   wrong arguments; nothing touched
    ├── ConfigError                  3   configuration or runbook; carries every Problem
    ├── RefusedError                 4   a guard, a stale plan, a missing consent; nothing touched
    ├── LeaseHeldError               5   another run has the lease; nothing touched
    ├── StepError                    6   a step failed
    │   ├── VerificationError        6   the world is not what the step promised
    │   └── DeadlineError            6   no answer in time
    ├── ProviderError                6   a port's other side failed; ``transient`` says if a retry can help
    │   ├── NotFoundError · DeniedError · UnreachableError · RejectedError
    │   ├── ConflictError                somebody else has changed it meanwhile, or the name is taken
    │   └── RateLimitedError             carries retry_after (seconds)
    ├── StuckError                   7   neither forward nor back without hands
    ├── WaitingError                 8   somebody's yes is missing; nothing touched
    └── BugError                    70   drp itself is wrong

Grammar of a message: ``cannot VERB 'OBJECT': CAUSE``, lower case, no full stop, seen and not
guessed. ``state`` says what the world is like now, ``hint`` is a sentence naming the next command,
``page`` (as ``C5``, or "") is what ``drp explain CODE`` shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a file something stands; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a configuration or runbook."""

    place: Place
    message: str
    hint: str = ""


class DrpError(Exception):
    """Root of all expected errors: no traceback is shown for them."""

    exit_code: ClassVar[int] = 6
    word: ClassVar[str] = "failed"

    def __init__(self, message: str, *, state: str = "", hint: str = "", page: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.state = state
        self.hint = hint
        self.page = page


class UsageError(DrpError):
    """Wrong arguments; nothing was touched."""

    exit_code = 2
    word = "usage"


class ConfigError(DrpError):
    """The configuration or a runbook is wrong; ``problems`` has all of them, sorted by place.

    ``again`` is the command that finds them anew.
    """

    exit_code = 3
    word = "invalid"

    def __init__(self, problems: list[Problem], *, hint: str = "", again: str = "drp check config") -> None:
        count = len(problems)
        super().__init__(f"{count} problem{'s' if count != 1 else ''}, nothing was touched", hint=hint)
        self.again = again
        self.problems = sorted(problems, key=lambda p: (p.place.file, p.place.line, p.place.column))


class RefusedError(DrpError):
    """drp will not do this unless it is told more; nothing was touched."""

    exit_code = 4
    word = "refused"


class LeaseHeldError(DrpError):
    """Another run holds the lease of this object; nothing was touched."""

    exit_code = 5
    word = "held"


class StepError(DrpError):
    """A step could not be done."""


class VerificationError(StepError):
    """The world is not what the step promised."""


class DeadlineError(StepError):
    """No answer within the deadline."""


class ProviderError(DrpError):
    """The other side of a port failed. ``transient``: the same call may succeed a moment later."""

    transient: bool = False


class NotFoundError(ProviderError):
    """The object does not exist."""


class DeniedError(ProviderError):
    """Credentials or rights are not good enough."""


class UnreachableError(ProviderError):
    """No connection, or no answer in time; the call may or may not have had its effect."""

    transient = True


class RejectedError(ProviderError):
    """The other side understood and said no."""


class ConflictError(ProviderError):
    """The name is taken, or the expected old value is no longer there."""


class RateLimitedError(ProviderError):
    """Too many calls; ``retry_after`` in seconds."""

    transient = True

    def __init__(
        self, message: str, *, retry_after: float, state: str = "", hint: str = "", page: str = ""
    ) -> None:
        super().__init__(message, state=state, hint=hint, page=page)
        self.retry_after = retry_after


class StuckError(DrpError):
    """Neither forward nor back without hands."""

    exit_code = 7
    word = "stuck"


class WaitingError(DrpError):
    """It is to wait: for an approval, a window, a TTL."""

    exit_code = 8
    word = "waiting"


class BugError(DrpError):
    """drp itself is wrong."""

    exit_code = 70
    word = "bug"
