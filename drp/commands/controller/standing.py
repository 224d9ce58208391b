"""What the controller knows of itself and of the company, for those who ask it: plain data behind a lock."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from drp.commands.controller.figures import Figures
from drp.commands.events import render_utc
from drp.commands.results import BackupFact, Served
from drp.model.values import JsonMap

STARTING: Final = "starting"
STANDBY: Final = "standby"
ACTIVE: Final = "active"
_FRESH: Final = timedelta(minutes=2)
"""A controller that has not come round for so long, and is not at a run, does not live."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The last time a chore was done: ``outcome`` in words, ``error`` when it failed."""

    at: datetime
    outcome: str = ""
    error: str = ""


@dataclass(slots=True)
class Standing:
    """``busy``: the chore that is being done now. ``backups`` and ``served``: what was seen last."""

    role: str = STARTING
    came_round: datetime | None = None
    busy: str = ""
    trouble: str = ""
    chores: dict[str, Done] = field(default_factory=dict)
    backups: dict[str, BackupFact] = field(default_factory=dict)
    began: dict[str, datetime] = field(default_factory=dict)
    served: dict[str, Served] = field(default_factory=dict)
    figures: Figures | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def is_well(self, now: datetime) -> bool:
        """It goes round, and nothing that it does for others has failed."""
        with self.lock:
            is_alive = bool(self.busy) or (self.came_round is not None and now - self.came_round < _FRESH)
            return is_alive and not self.trouble and not any(done.error for done in self.chores.values())

    def note(self, chore: str, done: Done) -> None:
        with self.lock:
            self.chores[chore] = done

    def to_json(self, now: datetime) -> JsonMap:
        is_well = self.is_well(now)
        with self.lock:
            return {
                "status": "well" if is_well else "not well",
                "role": self.role,
                "busy": self.busy,
                "trouble": self.trouble,
                "came_round": render_utc(self.came_round) if self.came_round else None,
                "chores": {
                    name: {"at": render_utc(done.at), "outcome": done.outcome, "error": done.error}
                    for name, done in self.chores.items()
                },
            }
