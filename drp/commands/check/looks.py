"""One look at one thing, and many of them at once: each ends by its own deadline, whatever the others do."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Final, Literal

from drp.errors import DrpError

_AT_ONCE: Final = 24
DEADLINE_S: Final = 20.0

Verdict = Literal["well", "warning", "finding"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What is not well. ``place`` is where the configuration says so, ``code`` names the page about it."""

    message: str
    hint: str = ""
    place: str = ""
    code: str = ""
    verdict: Verdict = "finding"


Do = Callable[[], Trouble | None]
"""Looks; None when all is well. Raises DrpError when it is not, or when it could not look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """``name`` is the thing looked at; ``deadline_s`` seconds after which the look is given up."""

    area: str
    name: str
    do: Do
    deadline_s: float = DEADLINE_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A look that was made; ``trouble`` None: well."""

    area: str
    name: str
    deadline_s: float
    trouble: Trouble | None = None

    @property
    def verdict(self) -> Verdict:
        return "well" if self.trouble is None else self.trouble.verdict


def look_all(looks: Sequence[Look], *, at_once: int = _AT_ONCE) -> list[Finding]:
    """Findings in the order of the looks. Raises what a look raises that is no DrpError: a bug."""
    flight = _Flight(looks)
    while flight.goes_on:
        flight.start(at_once)
        flight.land()
    return [flight.found[number] for number in range(len(looks))]


@dataclass
class _Flight:
    """Looks that wait, and those that are out. Threads are daemons: one that hangs keeps no process alive."""

    looks: Sequence[Look]
    found: dict[int, Finding] = field(default_factory=dict)
    _out: dict[int, float] = field(default_factory=dict)
    _back: SimpleQueue[tuple[int, Trouble | Exception | None]] = field(default_factory=SimpleQueue)

    def __post_init__(self) -> None:
        self._waiting = deque(range(len(self.looks)))

    @property
    def goes_on(self) -> bool:
        return bool(self._waiting or self._out)

    def start(self, at_once: int) -> None:
        while self._waiting and len(self._out) < at_once:
            number = self._waiting.popleft()
            look = self.looks[number]
            self._out[number] = time.monotonic() + look.deadline_s
            name = f"check-{look.area}-{look.name}"
            threading.Thread(target=self._carry_out, args=(number,), name=name, daemon=True).start()

    def land(self) -> None:
        """Take in one outcome, or give up what is late."""
        patience = min(self._out.values()) - time.monotonic()
        try:
            number, outcome = self._back.get(timeout=max(0.0, patience))
        except Empty:
            self._give_up()
            return
        if number not in self._out:
            return  # it was given up meanwhile
        if isinstance(outcome, Exception):
            raise outcome
        self._note(number, outcome)

    def _carry_out(self, number: int) -> None:
        try:
            outcome: Trouble | Exception | None = self.looks[number].do()
        except DrpError as error:
            outcome = Trouble(message=error.message, hint=error.hint, code=error.page)
        except Exception as error:  # handed to the thread that asked, which raises it
            outcome = error
        self._back.put((number, outcome))

    def _give_up(self) -> None:
        now = time.monotonic()
        for number in [number for number, ends in self._out.items() if ends <= now]:
            look = self.looks[number]
            message = f"cannot look at '{look.name}': no end within {look.deadline_s:g} s"
            self._note(
                number, Trouble(message=message, code="B6", hint=f"`drp check {look.area}` looks again.")
            )

    def _note(self, number: int, trouble: Trouble | None) -> None:
        del self._out[number]
        look = self.looks[number]
        self.found[number] = Finding(
            area=look.area, name=look.name, deadline_s=look.deadline_s, trouble=trouble
        )
