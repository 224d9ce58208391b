"""The controller's drills: begun when due, once, and finished by whoever comes after a crash."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import cache
from itertools import count
from pathlib import Path
from threading import Event

import pytest

from drp.commands.controller.aside import Aside, start_at_once
from drp.commands.controller.drills import DrillChores
from drp.commands.controller.loop import Controller
from drp.commands.controller.standing import Standing
from drp.commands.drill.sweep import list_bubbles
from drp.engine.faults import Faults, NoFaults
from drp.errors import DrpError
from drp.model.drills import DrillSchedule
from drp.model.hours import parse_hours
from drp.model.specs import ContainerSpec
from drp.model.values import JsonMap
from drp.ports.helpers import Job
from drp.testing.company import FakeCompany
from drp.testing.failures import PowerCut
from drp.testing.hosts import FakeHost
from drp.witness.leases import Leases
from drp.witness.proofs import ProofReader
from drp.witness.runs import ALL, RunBegin, RunEntry, RunReader, Runs
from drp.witness.schedules import Change, Schedules
from tests.actions.runs import run_plan
from tests.actions.test_failover import compile_fleet
from tests.commands.bench import Bench, CutAt, deployed

NIGHTLY = DrillSchedule(name="nightly", cron="0 4 * * *", zone="Europe/Paris", sample=1, site="dc5")
HOUR = timedelta(hours=1)
TAIL = "zzzz"


@cache
def _company() -> FakeCompany:
    made = deployed()
    for verb in ("backup", "reserve"):
        assert run_plan(made, compile_fleet(made, verb, "acme")).outcome == "done"
    return made


def cut_the_power(do: Callable[[], None]) -> Callable[[], None]:
    raise PowerCut("before it began")


class Rig:
    """A company with a controller; ``restart`` is another process with the same folder."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.company = copy.deepcopy(_company())
        self.plan(NIGHTLY)

    def plan(self, *drills: DrillSchedule, hours: str = "") -> None:
        inventory = self.company.inventory
        policies = replace(inventory.policies, drills=drills)
        parsed = parse_hours(hours) if hours else None
        acme = replace(inventory.tenants["acme"], hours=parsed)
        tenants = {**inventory.tenants, "acme": acme}
        self.company.inventory = replace(inventory, policies=policies, tenants=tenants)
        self.restart()

    def plan_also(self, drill: DrillSchedule) -> None:
        """Added while the controller runs."""
        now = self.company.clock.now().isoformat()
        change = Change(name=drill.name, kind="add", at=now, owner="eva@ops1", schedule=drill.to_json())
        Schedules(self.company.stores["witness"]).change(change)

    def restart(self, *, aside: Aside | None = None, faults: Faults | None = None) -> None:
        bench = Bench(self.state, company=self.company, faults=faults or NoFaults())
        number = len(self.runs()) + self.company.clock.monotonic()
        tails = iter(f"{number:.0f}{n:03d}"[-6:] for n in range(1000))
        bench._tail = lambda: next(tails)  # type: ignore[method-assign]
        self.bench, self.standing = bench, Standing()
        self.controller = Controller(
            bench.desk(), bench.workshop, self.standing, aside=aside or Aside(start_at_once)
        )

    def turn(self, later: timedelta = timedelta(0)) -> str:
        """What comes of the drills; nothing else is done."""
        self.company.clock.advance(later)
        try:
            return self.controller._drills.drill()
        except DrpError as error:
            return error.message

    def turn_all(self, later: timedelta = timedelta(0)) -> str:
        """Everything that the controller does."""
        self.company.clock.advance(later)
        self.controller.turn()
        done = self.standing.chores["drills"]
        return done.error or done.outcome

    def runs(self) -> list[RunEntry]:
        return [e for e in RunReader(self.company.stores["witness"]).load(ALL) if e.begin.verb == "drill"]

    def proofs(self) -> list[bool]:
        return [proof.ok for proof in ProofReader(self.company.stores["witness"]).iter("acme")]


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """It is 03:11 in Paris, and the controller has seen the schedule."""
    made = Rig(tmp_path / "state")
    made.turn()
    return made


def test_a_drill_begins_when_it_is_due_and_not_before(rig: Rig) -> None:
    assert rig.turn_all(timedelta(minutes=48)) == ""
    assert rig.runs() == []
    assert rig.turn_all(timedelta(minutes=1)).endswith(" (nightly): proven acme")
    assert rig.proofs() == [True]
    assert list_bubbles(rig.company) == []
    for _ in range(5):
        rig.turn(HOUR)
    assert len(rig.runs()) == 1
    rig.turn(timedelta(days=1))
    assert rig.proofs() == [True, True]


def test_nights_that_nobody_was_there_are_made_up_by_one_drill(rig: Rig) -> None:
    rig.company.clock.advance(timedelta(days=5))
    rig.restart()
    for _ in range(3):
        rig.turn(timedelta(minutes=10))
    assert len(rig.runs()) == 1


def test_in_business_hours_it_waits_for_their_end(rig: Rig) -> None:
    rig.plan(NIGHTLY, hours="Mon-Sun 03:30-08:00 Europe/Paris")
    assert rig.turn(HOUR) == ""
    rig.turn(3 * HOUR)
    assert rig.runs() == []
    rig.turn(HOUR)
    assert rig.proofs() == [True]


def test_a_paused_schedule_begins_nothing(rig: Rig) -> None:
    change = Change(name="nightly", kind="pause", at="2031-03-04T02:20:00+00:00", owner="eva@ops1")
    Schedules(rig.company.stores["witness"]).change(change)
    rig.turn(timedelta(days=2))
    assert rig.runs() == []


def test_killed_between_due_and_begun_it_is_begun_by_the_next_once(rig: Rig) -> None:
    rig.restart(aside=Aside(cut_the_power))
    with pytest.raises(PowerCut):
        rig.turn(HOUR)
    assert rig.runs() == []
    rig.restart()
    rig.turn(timedelta(minutes=1))
    (run,) = rig.runs()
    assert run.end is not None
    assert run.end.status == "done"
    rig.restart()
    rig.turn(timedelta(minutes=10))
    assert (len(rig.runs()), rig.proofs()) == (1, [True])


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """All points at which the power can be cut in a drill, in order."""
    seen: list[str] = []

    class Listening:
        def hit(self, point: str) -> None:
            seen.append(point)

    rig = Rig(tmp_path_factory.mktemp("points"))
    rig.turn()
    rig.restart(faults=Listening())
    rig.turn(HOUR)
    assert len(seen) > 20
    return [*dict.fromkeys(seen)]


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9])
def test_killed_in_a_drill_the_next_finishes_it_and_begins_no_second(
    rig: Rig, points: list[str], share: float
) -> None:
    point = points[int(share * len(points))]
    rig.restart(faults=CutAt(point))
    with pytest.raises(PowerCut):
        rig.turn(HOUR)
    rig.restart()
    rig.turn(timedelta(minutes=1))
    rig.turn(timedelta(minutes=6))
    (run,) = rig.runs()
    assert run.end is not None, point
    assert rig.proofs() == [True], point
    assert list_bubbles(rig.company) == []


def test_a_drill_that_was_left_too_long_ago_is_cleaned_up(rig: Rig, points: list[str]) -> None:
    rig.restart(faults=CutAt(points[len(points) // 2]))
    with pytest.raises(PowerCut):
        rig.turn(HOUR)
    rig.restart()
    assert rig.turn(timedelta(hours=5)).endswith("was left behind: cleaned up")
    (run,) = rig.runs()
    assert run.end is not None
    assert run.end.status == "as-before"
    assert list_bubbles(rig.company) == []


def open_run(rig: Rig, verb: str) -> None:
    record = RunBegin(
        run=f"{verb}-310304-{TAIL}", scope=ALL, verb=verb, owner="eva@ops1", machine="elsewhere",
        began=rig.company.clock.now().isoformat(), plan_digest="",
    )  # fmt: skip
    Runs(rig.company.stores["witness"]).begin(record)


def test_no_drill_begins_while_a_failover_is_open(rig: Rig) -> None:
    open_run(rig, "failover")
    rig.turn(HOUR)
    assert rig.runs() == []


def test_no_drill_begins_while_another_is_open(rig: Rig) -> None:
    open_run(rig, "drill")
    assert f"cannot resume 'drill-310304-{TAIL}'" in rig.turn(HOUR)
    assert [entry.begin.run for entry in rig.runs()] == [f"drill-310304-{TAIL}"]


class Gate:
    """The tenant's API does not answer until it is opened; ``reached``: somebody waits for it."""

    def __init__(self, company: FakeCompany) -> None:
        self.reached, self.opened = Event(), Event()
        self._answer = company.helpers.handlers["http"]
        company.helpers.handlers["http"] = self._wait

    def _wait(self, host: FakeHost, spec: ContainerSpec, job: Job) -> JsonMap:
        self.reached.set()
        assert self.opened.wait(30)
        return self._answer(host, spec, job)


def test_a_drill_goes_on_beside_the_loop_and_no_second_begins(rig: Rig) -> None:
    aside, gate = Aside(), Gate(rig.company)
    rig.restart(aside=aside)
    assert rig.turn_all(HOUR + timedelta(seconds=45)) == "a drill goes on"
    assert gate.reached.wait(30)
    before = rig.standing.chores["backups"].at
    rig.plan_also(replace(NIGHTLY, name="other", cron="12 4 * * *"))
    # another is due, and the step that waits is within its deadline
    rig.turn_all(timedelta(seconds=20))
    assert rig.turn() == ""
    assert rig.standing.chores["backups"].at > before
    assert len(rig.runs()) == 1
    gate.opened.set()
    aside.wait()
    assert rig.turn().endswith("proven acme")


def test_a_drill_that_takes_longer_than_it_may_is_stopped_and_leaves_nothing(rig: Rig) -> None:
    aside, gate = Aside(), Gate(rig.company)
    rig.plan(replace(NIGHTLY, within=timedelta(seconds=5)))
    rig.restart(aside=aside)
    rig.turn(HOUR)
    assert gate.reached.wait(30)
    rig.turn(timedelta(seconds=6))
    gate.opened.set()
    aside.wait()
    assert "cancelled" in rig.turn()
    assert list_bubbles(rig.company) == []
    assert not rig.controller.is_stopping


def test_the_end_of_the_controller_ends_its_drill(rig: Rig) -> None:
    aside, gate = Aside(), Gate(rig.company)
    rig.restart(aside=aside)
    rig.turn(HOUR)
    assert gate.reached.wait(30)
    rig.controller.cancel()
    gate.opened.set()
    assert rig.controller.run().ending.code == 0
    (run,) = rig.runs()
    assert run.end is not None
    assert run.end.status == "cancelled"
    assert list_bubbles(rig.company) == []


def test_a_drill_that_goes_on_elsewhere_is_left_alone(rig: Rig, points: list[str]) -> None:
    rig.restart(faults=CutAt(points[len(points) // 2]))
    with pytest.raises(PowerCut):
        rig.turn(HOUR)
    (run,) = rig.runs()
    leases = Leases(rig.company.stores["witness"], rig.company.clock, is_alive=lambda _: None)
    held = leases.find(run.begin.lease)
    assert held is not None
    workshop = replace(rig.bench.workshop, is_alive=lambda _: None)
    drills = DrillChores(rig.bench.desk(), workshop, Aside(start_at_once))
    wait, beats = rig.company.clock.wait, count(held.beat + 1)

    def beating(duration: timedelta) -> None:
        wait(duration)
        leases.beat(held.lease, next(beats))

    rig.company.clock.wait = beating  # type: ignore[method-assign]
    assert drills.drill() == f"{run.begin.run} goes on elsewhere"
    assert len(rig.runs()) == 1


def test_old_bubbles_are_swept(rig: Rig, points: list[str]) -> None:
    rig.restart(faults=CutAt(points[len(points) // 2]))
    with pytest.raises(PowerCut):
        rig.turn(HOUR)
    rig.plan()
    assert list_bubbles(rig.company) != []
    rig.company.clock.advance(timedelta(hours=5))
    assert rig.controller._drills.sweep().startswith("removed old drills: acme-drill-")
    assert list_bubbles(rig.company) == []


def test_a_drill_that_proves_nothing_is_told_and_not_repeated(rig: Rig) -> None:
    content = rig.company.stores["backups"].content
    for key in [key for key in content if key.endswith("/content")]:
        content[key] = b"not what it was"
    assert "findings: acme: " in rig.turn_all(timedelta(minutes=49))
    assert not rig.standing.is_well(rig.company.clock.now())
    rig.turn(timedelta(minutes=10))
    assert rig.proofs() == [False]


def test_work_aside_goes_on_beside_the_loop_and_is_told_when_it_has_ended() -> None:
    waiting: list[Callable[[], None]] = []

    def later(do: Callable[[], None]) -> Callable[[], None]:
        waiting.append(do)
        return do

    aside = Aside(later)
    aside.begin(lambda: "proven")
    assert (aside.is_busy, aside.collect()) == (True, "")
    waiting[0]()
    assert (aside.is_busy, aside.collect(), aside.collect()) == (False, "proven", "")


def test_what_fails_aside_is_raised_by_who_collects_it() -> None:
    def fail() -> str:
        raise DrpError("cannot do 'it': no")

    aside = Aside()
    aside.begin(fail)
    aside.wait()
    with pytest.raises(DrpError, match="cannot do"):
        aside.collect()


def test_the_end_of_the_controller_reaches_what_goes_on_aside() -> None:
    class Run:
        cancelled = 0

        def cancel(self) -> None:
            self.cancelled += 1

        has_left = False

        def leave(self) -> None:
            self.has_left = True

    aside, first, second = Aside(start_at_once), Run(), Run()
    with aside.listen(first) as departure:
        aside.cancel()
        assert (first.has_left, departure.has_left) == (False, False)
        aside.leave()
    assert (first.has_left, departure.has_left) == (True, True)
    with aside.listen(second):
        pass
    assert (first.cancelled, second.cancelled) == (1, 1)
