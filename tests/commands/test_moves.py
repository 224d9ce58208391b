"""Many live tenants moved by one order, each by a run of its own, on the company in memory."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC
from functools import cache
from pathlib import Path

import pytest

from drp.actions.orders import Order, epochs
from drp.cli.fleet_text import render_fleet_review
from drp.commands.fleet import launch, recover
from drp.commands.fleet.orders import Consent
from drp.commands.fleet.results import FleetReport, FleetReview
from drp.commands.recover import find_open
from drp.commands.runs import build_tail, tail_of
from drp.commands.stopping import Stoppable
from drp.engine.faults import NoFaults
from drp.errors import RefusedError
from drp.model.policies import Policies, WavePolicy
from drp.testing.company import FakeCompany
from drp.testing.databases import State
from drp.testing.failures import PowerCut
from drp.witness.runs import RunReader
from tests.actions.runs import deploy
from tests.actions.test_runs import without_burnt
from tests.commands.bench import DENIED, Bench, CutAt, build_workshop

NAMES = ("acme", "globex", "initech")
TWELVE = tuple(f"tenant{number:02}" for number in range(12))


@cache
def _deployed(names: tuple[str, ...]) -> FakeCompany:
    company = FakeCompany(names)
    for name in names:
        deploy(company, name)
    return company


class Many(Bench):
    """A bench whose runs never use up their names."""

    def _tail(self) -> str:
        self.runs += 1
        number = self.runs
        return build_tail(lambda letters: letters[number % len(letters)])


def begin(state: Path, names: tuple[str, ...] = NAMES) -> Many:
    """All are served by dc3, which is alive."""
    return Many(state, company=copy.deepcopy(_deployed(names)))


@pytest.fixture
def bench(tmp_path: Path) -> Many:
    return begin(tmp_path)


def move(
    bench: Bench, *tenants: str, verb: str = "failback", site: str = "dc5", parallel: int = 1
) -> FleetReport:
    order = Order(verb=verb, run="", tenant="", tenants=tenants, site=site, parallel=parallel)
    return launch.launch(bench.desk(), bench.workshop, order, consent=Consent(expect_tenants=len(tenants)))


def serving(bench: Bench, names: tuple[str, ...] = NAMES) -> dict[str, str]:
    """Tenant -> the site that the witness says serves."""
    found = {name: epochs(bench.company).find_serving(name) for name in names}
    return {name: each.site for name, each in found.items() if each is not None}


def outcomes(report: FleetReport) -> Mapping[str, str]:
    return {outcome.tenant: outcome.status for outcome in report.outcomes}


def test_some_go_home_and_a_second_order_brings_the_rest(bench: Many) -> None:
    report = move(bench, "acme")
    assert (report.ending.code, outcomes(report)) == (0, {"acme": "done"})
    assert serving(bench) == {**dict.fromkeys(NAMES, "dc3"), "acme": "dc5"}
    frozen = [outcome.figures["freeze_ms"] for outcome in report.outcomes]
    assert all(isinstance(each, int) for each in frozen)

    rest = launch.launch(
        bench.desk(),
        bench.workshop,
        order(NAMES),
        consent=Consent(expect_tenants=2),
    )
    assert outcomes(rest) == {**dict.fromkeys(NAMES, "done"), "acme": "skipped"}
    assert set(serving(bench).values()) == {"dc5"}
    assert not [*RunReader(bench.workshop.witness).iter_open()]


@dataclass
class DamageOnce:
    """Alters the data that arrive with the restore of that number: two belong to each move."""

    at: int
    seen: int = 0

    def __call__(self, state: State) -> None:
        self.seen += 1
        if self.seen == self.at:
            state["collections"]["app.orders"]["documents"][0] = "altered"


@pytest.mark.certificate
def test_three_of_twelve_go_home_and_the_rest_follow(tmp_path: Path) -> None:
    bench = begin(tmp_path, TWELVE)
    assert set(outcomes(move(bench, *TWELVE[:3], parallel=4)).values()) == {"done"}
    there = serving(bench, TWELVE)
    assert [there[name] for name in TWELVE] == ["dc5"] * 3 + ["dc3"] * 9
    rest = launch.launch(bench.desk(), bench.workshop, order(TWELVE), consent=Consent(expect_tenants=9))
    assert sorted(outcomes(rest).values()) == ["done"] * 9 + ["skipped"] * 3
    assert set(serving(bench, TWELVE).values()) == {"dc5"}


def test_who_fails_is_rolled_back_alone_and_tried_again_alone(bench: Many) -> None:
    bench.company.databases.damage_restored = DamageOnce(at=4)
    report = move(bench, "acme", "globex")
    assert (report.ending.word, report.ending.code) == ("partial", 9)
    assert outcomes(report) == {"acme": "done", "globex": "rolled-back"}
    aside = next(outcome for outcome in report.outcomes if outcome.tenant == "globex")
    assert aside.served is not None
    assert (aside.served.site, aside.served.writes) == ("dc3", True)
    assert report.next == f"drp retry {tail_of(report.run)} --failed"

    with pytest.raises(RefusedError, match="acme was not set aside"):
        recover.retry(bench.desk(), bench.workshop, report.run, tenants=["acme"], failed=False)
    before = {name: epochs(bench.company).find_serving(name) for name in ("acme", "initech")}
    again = recover.retry(bench.desk(), bench.workshop, report.run, tenants=[], failed=True)
    assert (again.ending.word, outcomes(again)) == (
        "done",
        {"acme": "done", "globex": "done"},
    )
    assert {name: epochs(bench.company).find_serving(name) for name in before} == before


def test_when_all_fail_all_are_as_before(bench: Many) -> None:
    for name in ("h3", "h4"):
        bench.company.hosts[name].fail_next("create_network", DENIED, times=99)
    before = without_burnt(bench.company.dump())
    report = move(bench, "acme", "globex")
    assert (report.ending.word, report.ending.code, report.next) == ("as-before", 6, "")
    assert without_burnt(bench.company.dump()) == before
    assert not [*RunReader(bench.workshop.witness).iter_open()]


@pytest.mark.failure_mode("L9")
def test_a_common_cause_lets_nobody_else_begin(bench: Many) -> None:
    waves = Policies(waves=WavePolicy(least=2, canary=2))
    bench.company.inventory = replace(bench.company.inventory, policies=waves)
    bench.workshop = build_workshop(bench.company)
    for name in ("h3", "h4"):
        bench.company.hosts[name].fail_next("create_network", DENIED, times=99)
    report = move(bench, *NAMES, parallel=4)
    assert sorted(outcomes(report).values()) == ["rolled-back"] * 2 + ["waiting"]
    assert {outcome.code for outcome in report.outcomes if outcome.status == "waiting"} == {"L9"}
    assert (report.ending.word, set(serving(bench).values())) == ("as-before", {"dc3"})


POINTS = (
    "before:move/acme",
    "after-start:move/globex",
    "after-effect:restore",
    "after-effect:final-restore",
    "after-effect:route/h1",
    "after-effect:serve",
    "after-end:settled/globex.example.test",
    "after-effect:move/acme",
    "before-ended:RUN",
)
SAMPLE = ("after-effect:restore", "after-end:settled/globex.example.test")


@pytest.mark.parametrize(
    "point",
    [each if each in SAMPLE else pytest.param(each, marks=pytest.mark.certificate) for each in POINTS],
)
def test_a_whole_process_killed_anywhere_is_resumed_by_one_word(bench: Many, point: str) -> None:
    bench.faults = CutAt(point.replace("RUN", "failback-310304-3333"))
    with pytest.raises(PowerCut):
        move(bench, "acme", "globex")
    bench.faults = NoFaults()
    (left,) = find_open(RunReader(bench.workshop.witness), "")
    assert left.begin.verb == "failback"
    assert recover.is_fleet_run(bench.workshop, "")
    report = recover.resume(bench.desk(), bench.workshop, "")
    assert (report.ending.word, outcomes(report)) == ("done", {"acme": "done", "globex": "done"})
    assert not [*RunReader(bench.workshop.witness).iter_open()]
    straight = begin(bench.state / "straight")
    move(straight, "acme", "globex")
    assert without_burnt(bench.company.dump()) == without_burnt(straight.company.dump())


def test_all_at_once_make_the_same_world_as_one_after_the_other(bench: Many, tmp_path: Path) -> None:
    assert move(bench, *NAMES[:2], parallel=1).ending.code == 0
    other = begin(tmp_path / "other")
    assert move(other, *NAMES[:2], parallel=4).ending.code == 0
    assert other.company.dump() == bench.company.dump()


class StopAt:
    """Somebody presses Ctrl-C at the fault point of that name."""

    def __init__(self, point: str, run: list[Stoppable]) -> None:
        self._point, self._run = point, run

    def hit(self, point: str) -> None:
        if point == self._point:
            self._run[0].cancel()


def test_a_cancel_stops_at_safe_points_begins_nobody_else_and_can_be_resumed(bench: Many) -> None:
    runs: list[Stoppable] = []
    bench.on_stops = lambda run, departure: runs.append(run)
    bench.faults = StopAt("after-effect:restore", runs)
    report = move(bench, *NAMES, parallel=1)
    assert (report.ending.word, report.ending.code) == ("cancelled", 130)
    assert outcomes(report) == dict.fromkeys(NAMES, "waiting")
    assert set(serving(bench).values()) == {"dc3"}
    assert report.next == f"drp resume {tail_of(report.run)}"
    bench.faults = NoFaults()
    again = recover.resume(bench.desk(), bench.workshop, report.run)
    assert (again.ending.word, set(outcomes(again).values())) == ("done", {"done"})
    assert len(RunReader(bench.workshop.witness).load("acme")) == 1


def test_who_does_not_fit_stays_out_by_name(bench: Many) -> None:
    inventory = bench.company.inventory
    site = inventory.sites["dc5"]
    small = replace(site, hosts=tuple(replace(host, memory=3 * 2**30) for host in site.hosts))
    bench.company.inventory = replace(inventory, sites={**inventory.sites, "dc5": small})
    bench.workshop = build_workshop(bench.company)
    found = launch.plan(bench.workshop, order(NAMES))
    assert len(found.tenants) == len(set(found.places.values())) == 2
    assert len(found.left_out) == 1
    assert all("cannot place" in reason for reason in found.left_out.values())


def test_places_are_given_to_all_at_once_and_kept(bench: Many) -> None:
    steps = launch.plan(bench.workshop, order(NAMES)).plan.steps
    links = [str(link) for step in steps for link in list_of(step.params.get("links"))]
    assert len(links) == 3 * len(NAMES)
    hosts = {(step.params["host"], str(link)) for step in steps for link in list_of(step.params.get("links"))}
    assert len(hosts) == len(links)


@pytest.mark.certificate
def test_an_old_stack_at_home_takes_no_memory_twice(bench: Many) -> None:
    """Hosts with room for exactly those who live there take them back before anything is retired."""
    inventory = bench.company.inventory
    home = inventory.sites["dc3"]
    tight = replace(home, hosts=tuple(replace(host, memory=4 * 2**30) for host in home.hosts))
    bench.company.inventory = replace(inventory, sites={**inventory.sites, "dc3": tight})
    bench.workshop = build_workshop(bench.company)
    assert move(bench, *NAMES, parallel=4).ending.code == 0
    assert set(outcomes(move(bench, *NAMES, site="dc3", parallel=4)).values()) == {"done"}


def test_a_wrong_number_touches_nothing(bench: Many) -> None:
    before = bench.company.dump()
    with pytest.raises(RefusedError, match="2 tenants would move"):
        launch.launch(
            bench.desk(), bench.workshop, order(("acme", "globex")), consent=Consent(expect_tenants=3)
        )
    bench.typed = ["1"]
    with pytest.raises(RefusedError, match="another number was expected"):
        launch.launch(bench.desk(), bench.workshop, order(("acme", "globex")), consent=Consent())
    assert bench.company.dump() == before
    shown = bench.shown[-1]
    assert isinstance(shown, FleetReview)
    text = "\n".join(render_fleet_review(shown, UTC))
    assert "nothing: content is compared before each switch" in text


def test_a_site_that_lives_is_left_as_planned(bench: Many) -> None:
    """Asked for as mode A of a failover."""
    bench.typed = ["A"]
    wanted = Order(verb="failover", run="", tenant="", tenants=("acme", "globex"), source="dc3", site="dc5")
    for name in wanted.tenants:
        back_up(bench, name)
    report = launch.launch(bench.desk(), bench.workshop, wanted, consent=Consent(expect_tenants=2))
    assert (report.verb, report.ending.word) == ("planned", "done")
    assert [question.flag for question in bench.asked] == ["--mode disaster"]


def test_a_tenant_of_another_run_is_left_as_it_is(bench: Many) -> None:
    bench.faults = CutAt("after-effect:restore")
    with pytest.raises(PowerCut):
        bench.launch("migrate", "dc5", "globex")
    bench.faults = NoFaults()
    agreed = Consent(expect_tenants=1)
    report = launch.launch(bench.desk(), bench.workshop, order(("acme", "globex")), consent=agreed)
    assert (report.ending.code, outcomes(report)) == (0, {"acme": "done", "globex": "skipped"})
    assert "is open on it" in next(o.cause for o in report.outcomes if o.tenant == "globex")


def order(tenants: tuple[str, ...]) -> Order:
    return Order(verb="failback", run="", tenant="", tenants=tenants, site="dc5")


def list_of(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def back_up(bench: Many, tenant: str) -> None:
    wanted = Order(verb="backup", run="", tenant="", tenants=(tenant,), site="")
    assert launch.launch(bench.desk(), bench.workshop, wanted, consent=Consent()).ending.code == 0
