"""What is to be begun now: each due moment at most once, what was missed once for all, never in business
hours unless they are allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from drp.commands.schedule.book import Planned, load_book
from drp.model.cron import latest_due, next_due
from drp.model.drills import DrillSchedule
from drp.model.hours import find_free
from drp.model.inventory import Inventory
from drp.ports.clock import Clock
from drp.ports.objects import ObjectStore
from drp.witness.runs import ALL, RunReader
from drp.witness.schedules import Claim, Schedules

Choose = Callable[[DrillSchedule], Sequence[str]]
"""Whom a drill of that schedule would be of, begun now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What comes of a schedule next. ``due``: the moment, None never; ``begins``: when the drill may begin,
    None: no moment outside of business hours is long enough.
    """

    planned: Planned
    due: datetime | None
    begins: datetime | None
    tenants: tuple[str, ...]

    @property
    def is_put_off(self) -> bool:
        return self.due is not None and self.begins != self.due


class Clerk:
    """``owner``: who claims. ``new_run`` makes the id of a run. Errors: those of the witness."""

    def __init__(
        self,
        inventory: Inventory,
        store: ObjectStore,
        clock: Clock,
        *,
        owner: str,
        choose: Choose,
        new_run: Callable[[], str],
    ) -> None:
        self._inventory = inventory
        self._store = store
        self._schedules = Schedules(store)
        self._clock = clock
        self._owner = owner
        self._choose = choose
        self._new_run = new_run
        self._begun: set[str] = set()

    def book(self) -> list[Planned]:
        return load_book(self._inventory, self._schedules)

    def take(self, *, but: Collection[str] = ()) -> Claim | None:
        """What is to be begun now, and is ours: a moment just claimed, or one claimed whose run never began.

        Whoever gets a claim begins its run under the id that it has, so that it is begun once. ``but``:
        schedules that are left alone for now.
        """
        for planned in self.book():
            claim = None if planned.paused or planned.name in but else self._take(planned)
            if claim is not None:
                return claim
        return None

    def look_ahead(self, planned: Planned) -> Outlook:
        """Nothing is claimed."""
        now = self._clock.now()
        last = self._schedules.last_claim(planned.name)
        begin = _last_moment(planned, last)
        schedule, tenants = planned.schedule, tuple(self._choose(planned.schedule))
        due = None if begin is None else latest_due(schedule.cron, schedule.zone, after=begin, until=now)
        due = due or next_due(schedule.cron, schedule.zone, after=now)
        begins = None if due is None else self._find_begin(schedule, tenants, max(due, now))
        if due is not None and begins == now:
            begins = due
        return Outlook(planned=planned, due=due, begins=begins, tenants=tenants)

    def _take(self, planned: Planned) -> Claim | None:
        schedule, now = planned.schedule, self._clock.now()
        last = self._schedules.last_claim(planned.name)
        begin = _last_moment(planned, last)
        if begin is None:
            # it is seen for the first time as it is now: the past does not count
            self._claim(schedule, now, run="")
            return None
        due = latest_due(schedule.cron, schedule.zone, after=begin, until=now)
        left = None if due is not None or last is None or self._has_begun(last) else last
        if due is None and left is None:
            return None
        tenants = tuple(left.tenants if left is not None else self._choose(schedule))
        if not tenants or self._find_begin(schedule, tenants, now) != now:
            return None
        return left if due is None else self._claim(schedule, due, run=self._new_run(), tenants=tenants)

    def _find_begin(
        self, schedule: DrillSchedule, tenants: Sequence[str], moment: datetime
    ) -> datetime | None:
        if schedule.in_hours:
            return moment
        known = [found for name in tenants if (found := self._inventory.tenants.get(name)) is not None]
        hours = [tenant.hours for tenant in known if tenant.hours is not None]
        return find_free(hours, moment, schedule.within)

    def _claim(
        self, schedule: DrillSchedule, due: datetime, *, run: str, tenants: tuple[str, ...] = ()
    ) -> Claim | None:
        claim = Claim(
            name=schedule.name,
            due=due.replace(microsecond=0).isoformat(),
            run=run,
            at=self._clock.now().isoformat(),
            owner=self._owner,
            cron=schedule.cron,
            zone=schedule.zone,
            tenants=tenants,
        )
        return claim if self._schedules.claim(claim) else None

    def _has_begun(self, claim: Claim) -> bool:
        """Also when there is nothing to begin."""
        if not claim.run or claim.run in self._begun:
            return True
        if any(name.run == claim.run for name in RunReader(self._store).names(ALL)):
            self._begun.add(claim.run)
            return True
        return False


def _last_moment(planned: Planned, last: Claim | None) -> datetime | None:
    """Up to when all is dealt with; None: nobody knows yet."""
    is_same = last is not None and (last.cron, last.zone) == (planned.schedule.cron, planned.schedule.zone)
    dealt = last.moment if last is not None and is_same else None
    known = [moment for moment in (dealt, planned.since) if moment is not None]
    return max(known) if known else None
