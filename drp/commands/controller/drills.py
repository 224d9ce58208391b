"""The controller's drills: begun when they are due, one at a time, finished or cleaned up after a crash."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from drp.actions.orders import Order, epochs
from drp.commands.controller.aside import Aside
from drp.commands.desk import Desk, Workshop
from drp.commands.drill.running import choose_oldest, run_drill
from drp.commands.drill.sweep import burst_all, sweep
from drp.commands.drill.turn import VERB
from drp.commands.endings import AS_BEFORE
from drp.commands.events import render_utc
from drp.commands.fleet.leases import hold_leases
from drp.commands.fleet.recover import resume
from drp.commands.fleet.results import FleetReport
from drp.commands.runs import build_run_id
from drp.commands.schedule.book import find_planned
from drp.commands.schedule.clerk import Clerk
from drp.errors import LeaseHeldError, StepError
from drp.model.drills import DrillSchedule
from drp.model.values import render_list
from drp.witness.leases import LeaseReader
from drp.witness.runs import ALL, RunEnd, RunEntry, RunReader, Runs
from drp.witness.schedules import Claim

_AGAIN: Final = timedelta(minutes=5)
"""How long something that failed, or that somebody else may be at, is left alone."""
_OVER_ALL: Final = "failover"
"""While such a run is open nobody has room or time for drills."""


class DrillChores:
    """``confirm`` raises LeaseHeldError when this controller is the one no more."""

    def __init__(
        self, desk: Desk, workshop: Workshop, aside: Aside, *, confirm: Callable[[], object] = lambda: None
    ) -> None:
        self._desk = replace(desk, stops=aside.listen)
        self._workshop = workshop
        self._aside = aside
        self.confirm = confirm
        self._not_before: dict[str, datetime] = {}
        self._until: datetime | None = None
        self._clerk = open_clerk(desk, workshop)

    def drill(self) -> str:
        """What is due, unless a drill is going on anywhere."""
        if self._aside.is_busy:
            if self._until is not None and self._desk.clock.now() >= self._until:
                self._aside.stop_this()
            return ""
        said = self._aside.collect()
        if not said and self._begin():
            said = "a drill goes on" if self._aside.is_busy else self._aside.collect()
        return said

    def sweep(self) -> str:
        """Bubbles that are older than they may be; those of a drill that goes on here are not."""
        return sweep(self._desk, self._workshop)

    def _begin(self) -> bool:
        opened = [*RunReader(self._workshop.witness).iter_open(ALL)]
        drills = [entry for entry in opened if entry.begin.verb == VERB]
        if drills:
            return self._take_up(drills)
        if any(entry.begin.verb == _OVER_ALL for entry in opened):
            return False
        claim = self._clerk.take(but=self._left_alone())
        if claim is None:
            return False
        self._leave_alone(claim.name)
        planned = find_planned(self._clerk.book(), claim.name)
        assert planned is not None
        self.confirm()
        self._until = self._desk.clock.now() + planned.schedule.within
        self._aside.begin(partial(self._run, claim, planned.schedule.site))
        return True

    def _run(self, claim: Claim, site: str) -> str:
        known = tuple(name for name in claim.tenants if name in self._workshop.inventory.tenants)
        order = Order(verb=VERB, run=claim.run, tenant="", site=site, tenants=known)
        return _tell(run_drill(self._desk, self._workshop, order), claim.name)

    def _take_up(self, drills: Sequence[RunEntry]) -> bool:
        """The first that nobody is known to work on is finished; one that is too old is cleaned up."""
        for entry in drills:
            run = entry.begin.run
            if run in self._left_alone() or self._is_at_work(entry):
                continue
            self._leave_alone(run)
            age = self._desk.clock.now() - datetime.fromisoformat(entry.begin.began)
            is_old = age > self._workshop.inventory.policies.drill.limit
            self._until = None
            self._aside.begin(partial(self._finish, entry, is_old=is_old))
            return True
        return False

    def _finish(self, entry: RunEntry, *, is_old: bool) -> str:
        run = entry.begin.run
        try:
            if is_old:
                return self._clean(entry)
            return _tell(resume(self._desk, self._workshop, run), "taken up again")
        except LeaseHeldError:
            return f"{run} goes on elsewhere"

    def _clean(self, entry: RunEntry) -> str:
        run = entry.begin.run
        with hold_leases(self._desk, self._workshop, (), run=run, verb=VERB):
            left = burst_all(self._desk, self._workshop, run=run)
            if left:
                raise StepError(f"cannot end drill '{run}': {render_list(left)} could not be removed")
            end = RunEnd(
                run=run,
                scope=entry.begin.scope,
                status=AS_BEFORE.word,
                exit_code=AS_BEFORE.code,
                ended=render_utc(self._desk.clock.now()),
                details={"by": "controller"},
            )
            Runs(self._workshop.witness).end(end)
        return f"{run} was left behind: cleaned up"

    def _is_at_work(self, entry: RunEntry) -> bool:
        """Whether its holder is known to live on this machine."""
        found = LeaseReader(self._workshop.witness).find(entry.begin.lease)
        return (
            found is not None and not found.is_ended and self._workshop.is_alive(found.lease.holder) is True
        )

    def _left_alone(self) -> Collection[str]:
        now = self._desk.clock.now()
        return {what for what, until in self._not_before.items() if now < until}

    def _leave_alone(self, what: str) -> None:
        self._not_before[what] = self._desk.clock.now() + _AGAIN


def open_clerk(desk: Desk, workshop: Workshop) -> Clerk:
    """Of the schedules as they stand in configuration and witness."""
    return Clerk(
        workshop.inventory,
        workshop.witness,
        desk.clock,
        owner=desk.operator,
        choose=partial(choose, workshop),
        new_run=lambda: build_run_id(VERB, desk.clock.now(), desk.tail()),
    )


def choose(workshop: Workshop, schedule: DrillSchedule) -> Sequence[str]:
    """Those meant that are served, and not by the site where the bubble shall be; of them the sample."""
    reader = epochs(workshop.ports)
    meant = schedule.tenants or tuple(workshop.inventory.tenants)
    served = [
        name
        for name in meant
        if name in workshop.inventory.tenants
        and (serving := reader.find_serving(name)) is not None
        and serving.site != schedule.site
    ]
    if not schedule.sample or not served:
        return served
    return choose_oldest(workshop, served, schedule.sample)


def _tell(report: FleetReport, what: str) -> str:
    """Raises StepError when it did not end well for all: then it is told."""
    if report.ending.code:
        bad = [f"{o.tenant}: {o.cause}" for o in report.outcomes if o.status not in ("done", "skipped")]
        raise StepError(
            f"cannot rely on drill '{report.run}', {report.ending.word}: {render_list(bad) or what}"
        )
    done = [outcome.tenant for outcome in report.outcomes if outcome.status == "done"]
    return f"{report.run} ({what}): proven {render_list(done)}"
