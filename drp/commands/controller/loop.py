"""The controller's loop: be the one, do what is due, wait; time is the desk's clock and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from drp.commands.controller.aside import Aside
from drp.commands.controller.bundles import BundleChore
from drp.commands.controller.chores import Chores
from drp.commands.controller.drills import DrillChores
from drp.commands.controller.standing import ACTIVE, STANDBY, Done, Standing
from drp.commands.desk import Desk, Workshop
from drp.commands.events import WarningEvent
from drp.commands.lease import HeldLease, hold_lease
from drp.commands.results import Listing
from drp.commands.runs import build_run_id
from drp.errors import DrpError, LeaseHeldError

LEASE: Final = "drp.controller"
"""No tenant can have a name with a dot."""
_TURN: Final = timedelta(seconds=10)
_SLICE: Final = timedelta(seconds=1)
"""A signal is heard within this time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chore:
    """``every``: how long after the last time it is looked at again."""

    name: str
    every: timedelta
    do: Callable[[], str]


class Controller:
    """Goes round until it is told to stop, which may be done from a signal handler."""

    def __init__(
        self, desk: Desk, workshop: Workshop, standing: Standing, *, aside: Aside | None = None
    ) -> None:
        """``aside``: where drills are run, by default in a thread of their own."""
        self._desk = desk
        self._workshop = workshop
        self._standing = standing
        self._chores = Chores(desk, workshop, standing)
        self._aside = aside or Aside()
        self._drills = DrillChores(desk, workshop, self._aside)
        self._is_stopping = False
        self._due: dict[str, datetime] = {}
        self._listed = (
            Chore(name="hosts", every=_TURN, do=self._chores.start_hosts),
            Chore(name="watch", every=timedelta(seconds=30), do=self._chores.watch),
            Chore(name="backups", every=_TURN, do=self._chores.back_up),
            Chore(name="drills", every=timedelta(seconds=30), do=self._drills.drill),
            Chore(name="sweep", every=timedelta(minutes=10), do=self._drills.sweep),
            Chore(name="reserve", every=timedelta(minutes=10), do=self._chores.refresh_reserve),
            Chore(name="figures", every=timedelta(minutes=2), do=self._chores.measure),
            Chore(name="bundle", every=timedelta(minutes=1), do=BundleChore(desk, workshop).refresh),
            Chore(name="prune", every=timedelta(days=1), do=self._chores.prune),
        )

    def cancel(self) -> None:
        self._is_stopping = True
        self._aside.cancel()

    def leave(self) -> None:
        self._is_stopping = True
        self._aside.leave()

    @property
    def is_stopping(self) -> bool:
        return self._is_stopping or self._chores.stop_asked

    def run(self) -> Listing:
        """Until it is told to stop. What fails is told, and tried again."""
        with self._desk.stops(self):
            while not self.is_stopping:
                self._be_the_one()
            self._aside.cancel()
            self._aside.wait()
        return Listing(lines=("✓ stopped: nothing is left half done",), data={"role": self._standing.role})

    def _be_the_one(self) -> None:
        """Go round for as long as this one has the lease; another one has it: stand by."""
        run = build_run_id("serve", self._desk.clock.now(), self._desk.tail())
        try:
            with hold_lease(self._desk, self._workshop, LEASE, run=run, verb="serve") as held:
                self._lead(held)
        except LeaseHeldError:
            self._stand(STANDBY, trouble="")
            self._wait(_TURN)
        except DrpError as error:
            # most likely the witness is silent: it is nobody's to say who is the one
            self._stand(STANDBY, trouble=error.message)
            self._wait(_TURN)

    def _lead(self, held: HeldLease) -> None:
        self._stand(ACTIVE, trouble="")
        self._drills.confirm = held.confirm
        while not self.is_stopping:
            # the lease first: who was asleep may have been succeeded
            held.confirm()
            self.turn()
            self._wait(_TURN)

    def turn(self) -> None:
        """All that is due now."""
        for chore in self._listed:
            now = self._desk.clock.now()
            if self.is_stopping or now < self._due.get(chore.name, now):
                continue
            self._due[chore.name] = now + chore.every
            self._do(chore)
        with self._standing.lock:
            self._standing.came_round = self._desk.clock.now()

    def _do(self, chore: Chore) -> None:
        self._standing.busy = chore.name
        try:
            outcome, error = chore.do(), ""
        except DrpError as failure:
            outcome, error = "", failure.message
            self._desk.emit(WarningEvent(code=f"serve-{chore.name}", text=f"{chore.name}: {error}"))
        finally:
            self._standing.busy = ""
        before = self._standing.chores.get(chore.name)
        words = outcome or (before.outcome if before and not error else "")
        self._standing.note(chore.name, Done(at=self._desk.clock.now(), outcome=words, error=error))

    def _stand(self, role: str, *, trouble: str) -> None:
        with self._standing.lock:
            self._standing.role, self._standing.trouble = role, trouble
            self._standing.came_round = self._desk.clock.now()

    def _wait(self, duration: timedelta) -> None:
        ends = self._desk.clock.now() + duration
        while not self.is_stopping and (left := ends - self._desk.clock.now()) > timedelta(0):
            self._desk.clock.wait(min(left, _SLICE))
