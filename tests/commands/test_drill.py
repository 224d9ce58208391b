"""Drills as orders: how they end, what they leave when they are cut short, and how they make room."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from drp.actions.orders import Order
from drp.commands.desk import Desk
from drp.commands.drill.ending import end_drills
from drp.commands.drill.running import choose_oldest, plan_drill, run_drill
from drp.commands.drill.sweep import sweep
from drp.commands.endings import CANCELLED, DONE, FINDINGS, PARTIAL
from drp.commands.events import Event, StepEvent
from drp.commands.fleet import recover
from drp.commands.fleet.launch import launch
from drp.commands.fleet.orders import Consent
from drp.commands.fleet.results import FleetReport
from drp.commands.fleet.superseding import SUPERSEDED
from drp.commands.lease import hold_lease
from drp.commands.stopping import Stoppable
from drp.engine.faults import NoFaults
from drp.errors import DeniedError, LeaseHeldError, RefusedError
from drp.model.policies import DrillPolicy, Policies
from drp.model.specs import ContainerSpec
from drp.providers.clock import SystemClock
from drp.testing.failures import PowerCut
from drp.witness.leases import LeaseReader, Leases
from drp.witness.proofs import ProofReader
from drp.witness.runs import RunReader
from tests.actions.test_drill import damage_pack, list_drills
from tests.commands.bench import BeatingClock, Bench, CutAt
from tests.faults.stories import begin_reserved, copy_company

BOTH = ("acme", "globex")
ORDER = Order(verb="drill", run="", tenant="", tenants=BOTH, site="")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """acme and globex are served by dc3 and have a backup, ten minutes old; dc5 has their images."""
    company = copy_company(begin_reserved())
    company.clock.advance(timedelta(minutes=10))
    return Bench(tmp_path / "state", company=company)


def drill(bench: Bench, *tenants: str, desk: Desk | None = None) -> FleetReport:
    order = replace(ORDER, tenants=tenants or BOTH)
    return run_drill(desk or bench.desk(), bench.workshop, order)


def cut(bench: Bench, point: str, *tenants: str) -> None:
    """Begin a drill and cut the power at that point."""
    bench.faults = CutAt(point)
    with pytest.raises(PowerCut):
        drill(bench, *tenants)
    bench.faults = NoFaults()


def at_step(bench: Bench, step: str, do: Callable[[Stoppable], object]) -> Desk:
    """A desk at which that is done as the step begins."""
    runs: list[Stoppable] = []
    bench.on_stops = lambda run, departure: runs.append(run)

    def hear(event: Event) -> None:
        if isinstance(event, StepEvent) and event.step == step and event.status == "begun":
            do(runs[-1])

    return replace(bench.desk(), emit=hear)


def words(report: FleetReport) -> dict[str, str]:
    return {outcome.tenant: outcome.status for outcome in report.outcomes}


def is_open(bench: Bench, run: str) -> bool:
    return any(entry.begin.run == run for entry in RunReader(bench.workshop.witness).iter_open())


def test_a_drill_tells_what_was_proven_and_leaves_nothing(bench: Bench) -> None:
    before = bench.company.dump()
    report = drill(bench)
    assert (report.ending, words(report)) == (DONE, dict.fromkeys(BOTH, "done"))
    acme = next(outcome for outcome in report.outcomes if outcome.tenant == "acme")
    assert acme.rpo_s is not None
    assert acme.rpo_s >= 600
    assert (acme.figures["documents"], acme.figures["logins"], acme.figures["requests"]) == (3, 2, 1)
    assert bench.company.dump() == before
    assert not is_open(bench, report.run)


def test_a_bad_backup_is_a_finding_and_the_others_are_proven(bench: Bench) -> None:
    damage_pack(bench.company)
    report = drill(bench)
    assert (report.ending, report.ending.code) == (FINDINGS, 11)
    assert words(report) == {"acme": "quarantined", "globex": "done"}
    acme = next(outcome for outcome in report.outcomes if outcome.tenant == "acme")
    assert "its content is not what the manifest says" in acme.cause
    assert list_drills(bench.company) == []
    assert not is_open(bench, report.run)


def test_a_backup_that_is_older_than_promised_is_a_finding(bench: Bench) -> None:
    promised = replace(bench.company.inventory, policies=Policies(rpo=timedelta(minutes=5)))
    bench.workshop = replace(bench.workshop, inventory=promised)
    report = drill(bench, "acme")
    assert (report.ending, words(report)) == (FINDINGS, {"acme": "done"})


def test_those_are_taken_whose_proof_is_oldest_and_first_who_has_none(bench: Bench) -> None:
    everybody = ("acme", "globex", "initech")
    drill(bench, "acme")
    bench.company.clock.advance(timedelta(hours=1))
    drill(bench, "globex")
    assert choose_oldest(bench.workshop, everybody, 2) == ("initech", "acme")
    with pytest.raises(RefusedError, match="the sample is empty"):
        choose_oldest(bench.workshop, everybody, 0)


def test_a_plan_touches_nothing(bench: Bench) -> None:
    before = bench.company.dump()
    shown = plan_drill(bench.workshop, ORDER)
    assert (shown.tenants, shown.command) == (BOTH, "drill run --tenants acme,globex")
    assert bench.company.dump() == before


def test_a_drill_is_in_nobodys_way_but_another_drills(bench: Bench) -> None:
    with hold_lease(bench.desk(), bench.workshop, "acme", run="migrate-1", verb="migrate"):
        assert drill(bench, "acme").ending is DONE
    with hold_lease(bench.desk(), bench.workshop, "acme.drill", run="drill-1", verb="drill") as held:
        leases = Leases(bench.workshop.witness, bench.company.clock, is_alive=lambda _: None)
        bench.workshop = replace(bench.workshop, is_alive=lambda _: None)
        desk = replace(bench.desk(), clock=BeatingClock(leases, held.keeper.lease, first=500))
        with pytest.raises(LeaseHeldError, match=r"acme\.drill"):
            drill(bench, "acme", desk=desk)


def test_a_cancelled_drill_leaves_nothing(bench: Bench) -> None:
    before = bench.company.dump()
    report = drill(bench, "acme", desk=at_step(bench, "restore/acme", lambda run: run.cancel()))
    assert report.ending is CANCELLED
    assert bench.company.dump() == before
    assert not is_open(bench, report.run)


def test_a_killed_drill_is_finished_by_a_resume(bench: Bench) -> None:
    before = bench.company.dump()
    cut(bench, "after-effect:restore/acme", "acme")
    report = recover.resume(bench.desk(), bench.workshop, "7f3a")
    assert (report.ending, words(report)) == (DONE, {"acme": "done"})
    assert bench.company.dump() == before


@pytest.mark.failure_mode("J6")
def test_a_forgotten_bubble_is_removed_when_it_is_too_old_and_no_sooner(bench: Bench) -> None:
    before = bench.company.dump()
    cut(bench, "after-effect:transact/acme", "acme")
    assert sweep(bench.desk(), bench.workshop) == ""
    assert list_drills(bench.company)
    bench.company.clock.advance(timedelta(hours=1))
    assert sweep(bench.desk(), bench.workshop) == ""
    policies = Policies(drill=DrillPolicy(limit=timedelta(minutes=59)))
    bench.workshop = replace(bench.workshop, inventory=replace(bench.company.inventory, policies=policies))
    assert "acme-drill-" in sweep(bench.desk(), bench.workshop)
    assert bench.company.dump() == before
    assert sweep(bench.desk(), bench.workshop) == ""


def test_a_helper_that_alone_was_left_is_found_by_its_name(bench: Bench) -> None:
    before = bench.company.dump()
    host = bench.company.hosts["h3"]
    spec = ContainerSpec(
        name="acme-drill-20200101t0000e4k7-helper-secrets",
        image=bench.company.inventory.images.helper,
        labels={"drp.tenant": "acme", "drp.role": "helper"},
        uid=1,
        gid=1,
        memory=2**20,
        cpus=1.0,
        pids=8,
    )
    host.create_container(spec)
    assert sweep(bench.desk(), bench.workshop) == "removed old drills: acme-drill-20200101t0000e4k7"
    assert bench.company.dump() == before


def test_what_cannot_be_removed_is_told_and_removed_by_the_next(bench: Bench) -> None:
    denied = DeniedError("cannot remove it: no rights")
    # by the step, by what looks after it at the end of the turn; what comes later may
    bench.company.hosts["h3"].fail_next("remove_volume", denied, times=3)
    report = drill(bench, "acme")
    assert report.ending is PARTIAL
    assert report.next == f"drp resume {report.run[-4:]}"
    assert list_drills(bench.company)
    assert recover.resume(bench.desk(), bench.workshop, report.run).ending is DONE
    assert list_drills(bench.company) == []


def test_of_a_host_that_tells_nothing_nothing_is_said_to_be_gone(bench: Bench) -> None:
    host, denied = bench.company.hosts["h3"], DeniedError("cannot list containers: no rights")
    # to the helpers' step, to the last look of the run, and to both looks after it
    hide = at_step(bench, "proof/acme", lambda _: host.fail_next("containers", denied, times=4))
    report = drill(bench, "acme", desk=hide)
    assert report.ending is PARTIAL
    assert list_drills(bench.company)
    assert recover.resume(bench.desk(), bench.workshop, report.run).ending is DONE
    assert list_drills(bench.company) == []


@pytest.mark.failure_mode("A7")
def test_a_failover_ends_drills_and_has_their_room(bench: Bench) -> None:
    """There is room at dc5 for the two tenants, and none beside their bubbles."""
    cut(bench, "after-effect:transact/acme", "acme")
    run = next(e.begin.run for e in RunReader(bench.workshop.witness).iter_open())
    company = bench.company
    memory = company.inventory.tenants["acme"].memory
    sites = {
        name: replace(site, hosts=tuple(replace(host, memory=memory) for host in site.hosts))
        for name, site in company.inventory.sites.items()
    }
    company.inventory = replace(company.inventory, sites=sites)
    bench.workshop = replace(bench.workshop, inventory=company.inventory)
    company.lose("dc3")
    order = Order(verb="failover", run="", tenant="", tenants=BOTH, source="dc3", site="dc5")
    consent = Consent(expect_tenants=2, accept_loss=timedelta(hours=1))
    report = launch(bench.desk(), bench.workshop, order, consent=consent)
    assert words(report) == dict.fromkeys(BOTH, "done"), report.to_json()
    assert list_drills(company) == []
    entry = RunReader(bench.workshop.witness).find(run)
    assert entry is not None
    assert entry.end is not None
    assert entry.end.status == SUPERSEDED
    assert ProofReader(bench.workshop.witness).find_newest("acme") is None


class WakingClock(SystemClock):
    """Somebody else goes on as soon as its owner waits."""

    def __init__(self, event: threading.Event) -> None:
        super().__init__()
        self._event = event

    def wait(self, duration: timedelta) -> None:
        self._event.set()
        super().wait(duration)


@pytest.mark.failure_mode("A7")
def test_a_drill_that_is_at_work_lets_go_when_a_failover_begins(bench: Bench) -> None:
    waits, goes_on, reports = threading.Event(), threading.Event(), list[FleetReport]()
    bench.workshop = replace(bench.workshop, term=timedelta(seconds=1), is_alive=lambda _: None)

    def stand_still(event: Event) -> None:
        if isinstance(event, StepEvent) and event.step == "restore/acme" and event.status == "begun":
            waits.set()
            assert goes_on.wait(timeout=60)

    desk = replace(bench.desk(), clock=SystemClock(), emit=stand_still)
    thread = threading.Thread(target=lambda: reports.append(drill(bench, "acme", desk=desk)))
    thread.start()
    assert waits.wait(timeout=60)
    assert list_drills(bench.company)
    here = replace(bench.desk(), clock=WakingClock(goes_on))
    end_drills(here, bench.workshop, site="dc5", by="failover-1")
    assert list_drills(bench.company) == []
    assert [*RunReader(bench.workshop.witness).iter_open()] == []
    thread.join(timeout=60)
    assert list_drills(bench.company) == []
    assert words(reports[0])["acme"] != "done"
    leases = LeaseReader(bench.workshop.witness)
    held = [leases.find(name) for name in leases.names() if name.endswith(".drill")]
    assert [state.is_ended for state in held if state is not None] == [True]
