"""Named points where a test may cut the power. Inert unless a test asks.

Points of a step: ``observe-before``, ``observe-after``, ``before`` (its START is not yet recorded),
``after-start``, ``after-effect`` (its END is not yet recorded), ``after-end``; the same for undoing with
``undo-`` before them. Any other record is ``before-KIND`` and ``after-KIND``. A point is written
``POINT:STEP``, or ``POINT:RUN`` for what concerns the whole run.
"""

from __future__ import annotations

import fnmatch
import os
import signal
from collections.abc import Mapping
from typing import Final, Protocol

from drp.engine.journal import Draft
from drp.engine.tasks import Phase

VARIABLE: Final = "DRP_FAULT"

_BEFORE: Final = {"start": "before", "undo": "undo-before"}
_AFTER: Final = {
    "start": "after-start",
    "done": "after-end",
    "undo": "undo-after-start",
    "undone": "undo-after-end",
}
_AFTER_EFFECT: Final[Mapping[Phase, str]] = {
    "observe": "observe-after",
    "apply": "after-effect",
    "undo": "undo-after-effect",
}


class Faults(Protocol):
    """Is told of each point as it is reached; does not return where the power is to be cut."""

    def hit(self, point: str) -> None: ...


class NoFaults:
    """The power stays on."""

    def hit(self, point: str) -> None:
        """Nothing happens."""


class Kill:
    """SIGKILLs this process at the ``count``-th point that matches a glob (``after-effect:*restore*``)."""

    def __init__(self, pattern: str, count: int = 1) -> None:
        self._pattern = pattern
        self._left = count

    def hit(self, point: str) -> None:
        if fnmatch.fnmatchcase(point, self._pattern):
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def load_faults(environment: Mapping[str, str]) -> Faults:
    """From ``DRP_FAULT="GLOB"`` or ``"GLOB#N"`` (the N-th match); inert when it is not set."""
    pattern, _, count = environment.get(VARIABLE, "").partition("#")
    return Kill(pattern, int(count or 1)) if pattern else NoFaults()


def point_before(draft: Draft, run: str) -> str:
    return f"{_BEFORE.get(draft.kind, f'before-{draft.kind}')}:{draft.step or run}"


def point_after(draft: Draft, run: str) -> str:
    return f"{_AFTER.get(draft.kind, f'after-{draft.kind}')}:{draft.step or run}"


def point_after_effect(phase: Phase, step: str) -> str:
    return f"{_AFTER_EFFECT[phase]}:{step}"
