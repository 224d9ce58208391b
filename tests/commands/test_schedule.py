"""Schedules of drills: due once, made up once, not in business hours, and the same for every controller."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drp.commands.schedule.book import Planned, find_planned
from drp.commands.schedule.clerk import Clerk
from drp.model.cron import next_due
from drp.model.drills import DrillSchedule
from drp.model.hours import find_free, parse_hours
from drp.model.inventory import Inventory
from drp.testing.clock import ManualClock
from drp.testing.company import FakeCompany
from drp.testing.objects import FakeObjects
from drp.witness.runs import ALL, RunBegin, Runs
from drp.witness.schedules import Change, Claim, Schedules
from tests.model.test_cron import CRONS, MOMENTS, ZONES, all_due

TURN = timedelta(minutes=1)
HOUR = timedelta(hours=1)
OFFICE = "Mon-Fri 08:00-19:00 Europe/Paris"
NIGHTLY = DrillSchedule(name="nightly", cron="0 3 * * *", zone="Europe/Paris", tenants=("acme",))


@cache
def _inventory() -> Inventory:
    return FakeCompany().inventory


def build_inventory(*drills: DrillSchedule, hours: str = "") -> Inventory:
    inventory = _inventory()
    parsed = parse_hours(hours) if hours else None
    tenants = {name: replace(tenant, hours=parsed) for name, tenant in inventory.tenants.items()}
    policies = replace(inventory.policies, drills=drills)
    return replace(inventory, tenants=tenants, policies=policies)


@dataclass
class Desk:
    """A controller's clerk, and what it began. ``dies``: before a run that was claimed has begun."""

    store: FakeObjects
    clock: ManualClock
    inventory: Inventory
    begun: list[tuple[datetime, Claim]] = field(default_factory=list)
    numbers: count[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.book: list[Planned] = []
        self.clerk = Clerk(
            self.inventory, self.store, self.clock,
            owner="ops@here", choose=self._choose, new_run=lambda: f"drill-{next(self.numbers):04d}",
        )  # fmt: skip

    def _choose(self, schedule: DrillSchedule) -> Sequence[str]:
        return schedule.tenants or tuple(self.inventory.tenants)

    def turn(self, *, dies: bool = False) -> Claim | None:
        claim, self.book = self.clerk.take(), self.clerk.book()
        if claim is not None and not dies:
            begin(self.store, claim.run)
            self.begun.append((self.clock.now(), claim))
        return claim

    def go_until(self, end: datetime, every: timedelta = 8 * HOUR) -> None:
        """Turns at each due moment and, as nothing else can happen, every few hours."""
        self.turn()
        while (now := self.clock.now()) < end:
            due = [next_due(p.schedule.cron, p.schedule.zone, after=now) for p in self.book]
            self.clock.advance(min([now + every, end, *(each for each in due if each is not None)]) - now)
            self.turn()

    @property
    def dues(self) -> list[datetime]:
        return [claim.moment for _, claim in self.begun]


def begin(store: FakeObjects, run: str) -> None:
    """Raises ConflictError when it has begun already."""
    record = RunBegin(run=run, scope=ALL, verb="drill", owner=f"{run}", machine="m", began="", plan_digest="")
    Runs(store).begin(record)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def open_desk(start: datetime, *drills: DrillSchedule, hours: str = "") -> Desk:
    return Desk(FakeObjects(), ManualClock(start), build_inventory(*drills, hours=hours))


OUTAGES = st.lists(
    st.tuples(st.integers(1, 600), st.integers(0, 5000), st.booleans()), min_size=1, max_size=5
)
"""Minutes up, minutes down, and whether the controller dies between a claim and the begin of its run."""


@settings(max_examples=40)
@given(cron=CRONS, zone=ZONES, start=MOMENTS, outages=OUTAGES, is_added=st.booleans())
def test_each_due_moment_at_most_once_and_an_outage_made_up_once(
    cron: str, zone: str, start: datetime, outages: list[tuple[int, int, bool]], is_added: bool
) -> None:
    """Any expression, any outage, configured or added."""
    schedule = DrillSchedule(name="any", cron=cron, zone=zone, in_hours=True)
    desk = open_desk(start, *([] if is_added else [schedule]))
    if is_added:
        change(desk, "add", schedule)
    desk.turn()
    ups: list[tuple[datetime, datetime]] = []
    for up, down, dies in outages:
        ups.append((desk.clock.now(), desk.clock.now() + timedelta(minutes=up)))
        desk.go_until(ups[-1][1])
        if dies:
            then = next_due(cron, zone, after=desk.clock.now())
            assert then is not None
            desk.clock.advance(then - desk.clock.now())
            lost = desk.turn(dies=True)
            assert lost is not None
            # nobody comes before the next moment: this one is begun by the next controller
            desk.restart()
            assert desk.turn() == lost
        desk.restart()
        desk.clock.advance(timedelta(minutes=down))
    desk.go_until(desk.clock.now() + 2 * TURN)
    assert len(set(desk.dues)) == len(desk.dues)
    due = all_due(cron, zone, start, desk.clock.now())
    assert set(desk.dues) <= set(due)
    # while it was up nothing was missed; while it was not, what was missed is one run
    for began, ended in ups:
        assert [d for d in due if began < d <= ended - TURN] == [
            d for d in desk.dues if began < d <= ended - TURN
        ]
    edges = [start, *(moment for up in ups for moment in up), desk.clock.now()]
    for begin_, end in zip(edges[::2], edges[1::2], strict=False):
        late = [when for when, claim in desk.begun if begin_ <= when <= end and when - claim.moment > TURN]
        assert len(late) <= 1


@settings(max_examples=10)
@given(
    start=MOMENTS,
    minutes=st.integers(1, 600),
    cron=st.sampled_from(["0 3 * * *", "0 */4 * * *", "30 12 * * *"]),
)
def test_never_in_business_hours(start: datetime, minutes: int, cron: str) -> None:
    schedule = DrillSchedule(name="any", cron=cron, zone="Europe/Paris", within=timedelta(minutes=minutes))
    desk = open_desk(start, schedule, hours=OFFICE)
    desk.go_until(start + timedelta(days=2), every=timedelta(minutes=47))
    for when, _ in desk.begun:
        assert find_free([parse_hours(OFFICE)], when, schedule.within) == when


@pytest.mark.parametrize(
    ("start", "due"),
    [("2031-03-29T12:00", ["2031-03-30T01:00", "2031-03-31T00:30"]),
     ("2031-10-25T12:00", ["2031-10-26T00:30", "2031-10-27T01:30"])],
)  # fmt: skip
def test_exactly_once_in_the_nights_of_a_clock_change(start: str, due: list[str]) -> None:
    desk = open_desk(at(start), replace(NIGHTLY, cron="30 2 * * *"))
    desk.go_until(at(start) + timedelta(days=2))
    assert desk.dues == [at(each) for each in due]
    assert [when for when, _ in desk.begun] == desk.dues


def test_what_is_due_in_business_hours_begins_after_them() -> None:
    """Noon on a Tuesday: at seven in the evening, once; on a Saturday at once."""
    desk = open_desk(at("2031-03-04T08:00"), replace(NIGHTLY, cron="0 12 * * *"), hours=OFFICE)
    desk.go_until(at("2031-03-05T08:00"), every=HOUR)
    assert [when for when, _ in desk.begun] == [at("2031-03-04T18:00")]
    assert desk.dues == [at("2031-03-04T11:00")]
    allowed = open_desk(
        at("2031-03-04T08:00"), replace(NIGHTLY, cron="0 12 * * *", in_hours=True), hours=OFFICE
    )
    allowed.go_until(at("2031-03-05T08:00"))
    assert [when for when, _ in allowed.begun] == [at("2031-03-04T11:00")]


def test_a_schedule_that_is_seen_for_the_first_time_makes_nothing_up() -> None:
    desk = open_desk(at("2031-03-04T12:00"), NIGHTLY)
    desk.go_until(at("2031-03-05T01:00"))
    assert desk.dues == []
    desk.inventory = build_inventory(replace(NIGHTLY, cron="0 1 * * *"))
    desk.restart()
    desk.go_until(at("2031-03-05T12:00"))
    # its moment of that night had passed when it was changed
    assert desk.dues == []
    desk.go_until(at("2031-03-06T01:00"))
    assert desk.dues == [at("2031-03-06T00:00")]


def change(desk: Desk, kind: str, schedule: DrillSchedule = NIGHTLY) -> None:
    data = schedule.to_json() if kind == "add" else {}
    now = desk.clock.now().isoformat()
    Schedules(desk.store).change(
        Change(name=schedule.name, kind=kind, at=now, owner="eva@ops1", schedule=data)  # type: ignore[arg-type]
    )


def test_a_paused_schedule_does_nothing_and_what_it_missed_is_not_made_up() -> None:
    desk = open_desk(at("2031-03-04T12:00"))
    change(desk, "add")
    change(desk, "pause")
    desk.go_until(at("2031-03-06T12:00"))
    assert desk.dues == []
    planned = find_planned(desk.clerk.book(), "nightly")
    assert planned is not None
    assert planned.paused == "eva@ops1 since 2031-03-04T12:00:00+00:00"
    change(desk, "go")
    desk.go_until(at("2031-03-07T12:00"))
    assert desk.dues == [at("2031-03-07T02:00")]
    change(desk, "remove")
    desk.go_until(at("2031-03-08T12:00"))
    assert (len(desk.dues), desk.clerk.book()) == (1, [])


def test_two_controllers_take_a_moment_once() -> None:
    first = open_desk(at("2031-03-04T12:00"), NIGHTLY)
    second = replace(first, begun=[])
    first.turn()
    first.clock.advance(timedelta(days=1))
    assert [desk.turn() is not None for desk in (first, second)] == [True, False]


def test_a_claim_whose_run_never_began_is_begun_under_the_same_name() -> None:
    desk = open_desk(at("2031-03-04T12:00"), NIGHTLY)
    desk.turn()
    desk.clock.advance(timedelta(days=1))
    lost = desk.turn(dies=True)
    desk.restart()
    desk.clock.advance(HOUR)
    assert lost is not None
    again = desk.turn()
    assert again is not None
    assert (again.run, again.due) == (lost.run, lost.due)
    assert desk.turn() is None


def test_looking_ahead_tells_when_and_claims_nothing() -> None:
    desk = open_desk(at("2031-03-04T12:00"), replace(NIGHTLY, cron="0 12 * * *"), hours=OFFICE)
    desk.turn()
    before = dict(desk.store.content)
    (planned,) = desk.clerk.book()
    found = desk.clerk.look_ahead(planned)
    assert (found.due, found.begins) == (at("2031-03-05T11:00"), at("2031-03-05T18:00"))
    assert found.is_put_off
    desk.clock.advance(timedelta(days=1))
    late = desk.clerk.look_ahead(planned)
    assert (late.due, late.begins) == (at("2031-03-05T11:00"), at("2031-03-05T18:00"))
    assert desk.store.content == before
    always = replace(planned, schedule=replace(planned.schedule, within=timedelta(hours=20)))
    assert desk.clerk.look_ahead(always).begins == at("2031-03-07T18:00")
    assert next_due("0 12 * * *", "Europe/Paris", after=desk.clock.now()) == at("2031-03-06T11:00")
