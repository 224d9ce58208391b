"""How a command can end: one word, one exit code, one mark each; no other exit code occurs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from drp.errors import DrpError


@dataclass(frozen=True, slots=True)
class Ending:
    """``word`` as in JSON, ``mark`` a key of the marks a screen shows, ``next`` what a script may do."""

    word: str
    code: int
    mark: str
    meaning: str
    next: str


DONE: Final = Ending("done", 0, "ok", "done and proven; asked and all well", "go on")
USAGE: Final = Ending("usage", 2, "failed", "wrong arguments; nothing touched", "-")
INVALID: Final = Ending("invalid", 3, "failed", "configuration or runbook; nothing touched", "-")
REFUSED: Final = Ending("refused", 4, "failed", "guard, stale plan, missing consent", "show the hint")
HELD: Final = Ending("held", 5, "failed", "another run has the lease; nothing touched", "try later")
AS_BEFORE: Final = Ending("as-before", 6, "failed", "failed; nothing begun or all rolled back", "try later")
STUCK: Final = Ending("stuck", 7, "failed", "neither forward nor back without hands", "wake somebody")
WAITING: Final = Ending("waiting", 8, "waiting", "approval, window, TTL", "resume later")
PARTIAL: Final = Ending("partial", 9, "part", "part is done and stays; the rest is named", "resume")
UNKNOWN: Final = Ending("unknown", 10, "unknown", "who serves is not proven", "status; never start anew")
FINDINGS: Final = Ending("findings", 11, "part", "looked; the answer is bad", "alarm")
BUG: Final = Ending("bug", 70, "failed", "in drp; log named", "report")
CANCELLED: Final = Ending("cancelled", 130, "cancelled", "at a safe point, who serves is proven", "resume")

ENDINGS: Final = (
    DONE, USAGE, INVALID, REFUSED, HELD, AS_BEFORE, STUCK,
    WAITING, PARTIAL, UNKNOWN, FINDINGS, BUG, CANCELLED,
)  # fmt: skip

_BY_CODE: Final = {ending.code: ending for ending in ENDINGS}


def ending_of(error: BaseException) -> Ending:
    """The ending an error stands for; whatever drp does not expect is a bug in drp."""
    if isinstance(error, KeyboardInterrupt):
        return CANCELLED
    return _BY_CODE.get(error.exit_code, BUG) if isinstance(error, DrpError) else BUG


_HINTS: Final = {
    USAGE: "See `drp --help`.",
    INVALID: "Look again with `drp check config`.",
    REFUSED: "See who serves with `drp status`.",
    HELD: "See who works on it with `drp status`.",
    AS_BEFORE: "Look for the cause with `drp check`, then try again.",
    WAITING: "See what it waits for with `drp status`.",
    STUCK: "See `drp status` before anything else.",
    BUG: "See `drp status` before anything else.",
}
UNTOUCHED: Final = "nothing was touched"


def hint_of(error: BaseException) -> str:
    """The error's own hint, else what helps after any error that ends so; "" after a Ctrl-C."""
    own = error.hint if isinstance(error, DrpError) else ""
    return own or _HINTS.get(ending_of(error), "")


def state_of(error: DrpError) -> str:
    """The error's own words on the world; without any, it was raised before something was touched."""
    return error.state or UNTOUCHED
