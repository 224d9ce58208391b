"""Orders from question to proof, on the company in memory."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from drp.commands.endings import AS_BEFORE, CANCELLED, DONE, PARTIAL, STUCK, UNKNOWN
from drp.commands.events import RunEvent, StageEvent, StepEvent, WorldEvent
from drp.commands.lease import SETUP
from drp.commands.stopping import Departure, Stoppable
from drp.errors import LeaseHeldError, RefusedError, UnreachableError
from drp.testing.clock import ManualClock
from drp.testing.company import FakeCompany
from drp.testing.databases import State
from drp.witness.epochs import Claim, Epochs
from drp.witness.leases import Holder, LeaseReader, Leases
from drp.witness.runs import RunReader
from tests.actions.test_runs import without_burnt
from tests.commands.bench import DENIED, BeatingClock, Bench, never_alive


def alter(state: State) -> None:
    state["collections"]["app.orders"]["documents"][1] = "altered"


def damage_target(company: FakeCompany) -> None:
    company.databases.damage_restored = alter


def test_deploy_of_a_new_tenant_is_done_and_proven(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "state", FakeCompany())
    report = bench.launch("deploy", "dc3")
    assert report.ending is DONE
    assert (report.served.site, report.served.writes, report.served.epoch) == ("dc3", True, 1)


def test_migrate_reports_content_and_the_next_command(bench: Bench) -> None:
    report = bench.launch("migrate", "dc5")
    assert report.ending is DONE
    assert report.served.site == "dc5"
    assert report.next == "drp retire acme --from dc3"
    content = report.figures["content"]
    assert isinstance(content, dict)
    assert content["documents"] == 3


def test_migrate_asks_each_question_once_and_before_anything_begins(bench: Bench) -> None:
    before = bench.company.dump()
    bench.on_ask = lambda: bench.state.exists() and pytest.fail("something was begun before the question")
    bench.answers = [False]
    with pytest.raises(RefusedError, match="the answer was no"):
        bench.launch("migrate", "dc5")
    assert [question.flag for question in bench.asked] == ["--yes"]
    assert bench.company.dump() == before


def test_state_folder_is_for_its_owner_only(bench: Bench) -> None:
    bench.launch("migrate", "dc5")
    assert bench.state.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in bench.state.glob("*.journal")] == ["migrate-310304-7f3a.journal"]


def test_events_tell_the_run_its_stages_steps_and_who_serves(bench: Bench) -> None:
    report = bench.launch("migrate", "dc5")
    runs = [event.status for event in bench.events if isinstance(event, RunEvent)]
    assert (runs[0], runs[-1]) == ("begun", "done")
    stages = [
        event.name for event in bench.events if isinstance(event, StageEvent) and event.status == "done"
    ]
    assert stages == [*report.stages]
    done = {event.step for event in bench.events if isinstance(event, StepEvent) and event.status == "done"}
    assert done == {step.id for step in bench.shown[0].plan.steps}  # type: ignore[union-attr]
    worlds = [event for event in bench.events if isinstance(event, WorldEvent)]
    assert [(world.serves, world.writes) for world in worlds] == [
        ("dc3", True),
        ("dc3", False),
        ("unknown", None),
        ("dc5", True),
    ]


def test_done_run_is_closed_in_the_witness_and_its_lease_given_back(bench: Bench) -> None:
    report = bench.launch("migrate", "dc5")
    entry = RunReader(bench.workshop.witness).find(report.run)
    lease = LeaseReader(bench.workshop.witness).find("acme")
    assert entry is not None
    assert entry.end is not None
    assert (entry.end.status, entry.end.exit_code) == ("done", 0)
    assert lease is not None
    assert lease.is_ended


def test_world_that_moved_while_the_question_stood_is_refused(bench: Bench) -> None:
    claim = Claim(
        tenant="acme", epoch=2, run="other", site="dc5", host="h4", actor="x", time="now", digest=""
    )
    bench.on_ask = lambda: Epochs(bench.workshop.witness).claim(claim)
    hosts = copy.deepcopy(bench.company.dump()["hosts"])
    with pytest.raises(RefusedError, match=r"cannot apply plan '\w{4}-\w{4}': .*, planned ") as refused:
        bench.launch("migrate", "dc5")
    assert refused.value.hint == "Look again with `drp plan migrate acme --to dc5`."
    assert bench.company.dump()["hosts"] == hosts
    lease = LeaseReader(bench.workshop.witness).find("acme")
    assert lease is not None
    assert lease.is_ended


def test_difference_found_by_comparing_takes_everything_back(bench: Bench) -> None:
    damage_target(bench.company)
    before = bench.company.dump()
    report = bench.launch("migrate", "dc5")
    assert report.ending is AS_BEFORE
    assert report.served.site == "dc3"
    assert report.error is not None
    assert "documents 'app.orders'" in report.error.cause
    assert report.failed_step == "step equal, attempt 1"
    assert without_burnt(bench.company.dump()) == without_burnt(before)


def test_rolled_back_but_unseen_is_unknown(bench: Bench) -> None:
    damage_target(bench.company)
    bench.company.edges["h1"].fail_next("is_held", DENIED, times=99)
    report = bench.launch("migrate", "dc5")
    assert report.ending is UNKNOWN
    assert report.served.reason == DENIED.message
    assert report.next == "drp resume 7f3a"


@pytest.mark.failure_mode("B16")
def test_way_back_that_fails_is_stuck(bench: Bench) -> None:
    damage_target(bench.company)
    bench.company.edges["h2"].fail_next("release", DENIED, times=99)
    assert bench.launch("migrate", "dc5").ending is STUCK


def test_failure_after_the_final_step_is_partial(bench: Bench) -> None:
    bench.company.edges["h2"].fail_next("release", DENIED, times=99)
    report = bench.launch("migrate", "dc5")
    assert report.ending is PARTIAL
    assert report.served.site == "dc5"
    assert "release/h2" in report.open_steps
    entry = RunReader(bench.workshop.witness).find(report.run)
    assert entry is not None
    assert entry.end is None


def test_retire_before_old_answers_have_died_is_refused(bench: Bench) -> None:
    bench.launch("migrate", "dc5")
    before = bench.company.dump()
    with pytest.raises(RefusedError, match="old answers may live until 2031-03-04 03:21:00 CET"):
        bench.launch("retire", "dc3")
    assert bench.company.dump() == before
    assert [question.text for question in bench.asked] == ["Move acme to dc5?"]


def test_retire_after_that_removes_the_old_stack(bench: Bench) -> None:
    bench.launch("migrate", "dc5")
    bench.company.clock.advance(timedelta(hours=1))
    report = bench.launch("retire", "dc3")
    assert report.ending is DONE
    assert "acme-e0001" not in str(bench.company.dump()["hosts"])


def test_signal_before_the_first_step_cancels(bench: Bench) -> None:
    before = bench.company.dump()
    bench.on_stops = lambda run, departure: run.cancel()
    report = bench.launch("migrate", "dc5")
    assert report.ending is CANCELLED
    assert report.served.site == "dc3"
    assert without_burnt(bench.company.dump()) == without_burnt(before)


def test_lease_that_was_lost_before_the_first_step_is_unknown_and_says_why(bench: Bench) -> None:
    def lose(run: Stoppable, departure: Departure) -> None:
        bench.company.clock.advance(timedelta(minutes=1))
        leases = Leases(bench.workshop.witness, bench.company.clock, is_alive=never_alive)
        found = leases.find("acme")
        assert found is not None
        leases.follow(found, replace(found.lease.holder, run="migrate-310304-zzzz"))

    bench.on_stops = lose
    report = bench.launch("migrate", "dc5")
    assert report.ending is UNKNOWN
    assert report.error is not None
    assert report.error.cause == "its lease was not renewed in time"
    assert report.failed_step == ""


@pytest.mark.failure_mode("B18")
def test_a_witness_that_is_away_longer_than_a_term_makes_a_run_pause(bench: Bench) -> None:
    def go_away(run: Stoppable, departure: Departure) -> None:
        bench.company.clock.advance(timedelta(minutes=1))
        bench.company.stores["witness"].fail_next("put_once", UnreachableError("cannot reach the witness"))

    bench.on_stops = go_away
    assert bench.launch("migrate", "dc5").ending is DONE
    told = [event.status for event in bench.events if isinstance(event, RunEvent)]
    assert told[:3] == ["begun", "pausing", "going-on"]


def test_leaving_is_unknown_and_keeps_the_lease_to_its_term(bench: Bench) -> None:
    def leave(run: Stoppable, departure: Departure) -> None:
        departure.has_left = True
        run.leave()

    bench.on_stops = leave
    report = bench.launch("migrate", "dc5")
    assert report.ending is UNKNOWN
    lease = LeaseReader(bench.workshop.witness).find("acme")
    assert lease is not None
    assert not lease.is_ended


def test_only_one_run_sets_up_the_edges_that_all_tenants_share(tmp_path: Path) -> None:
    bench = Bench(tmp_path, company=FakeCompany())
    holder = Holder(
        owner="eva@ops1", machine="elsewhere", pid=1, process_start="1", run="deploy-310304-zzzz",
        verb="deploy", started="2031-03-04T02:00:00Z",
    )  # fmt: skip
    leases = Leases(bench.workshop.witness, bench.company.clock, is_alive=never_alive)
    other = leases.acquire(SETUP, holder)
    bench.company.clock = BeatingClock(leases, other)
    bench.workshop = replace(bench.workshop, is_alive=lambda _: None)
    before = bench.company.dump()
    with pytest.raises(LeaseHeldError, match="deploy-310304-zzzz"):
        bench.launch("deploy", "dc3", "globex")
    assert bench.company.dump() == before
    bench.company.clock = ManualClock()
    leases.end(other)
    assert bench.launch("deploy", "dc3", "globex").ending is DONE
    # they stand: nobody needs that lease any more
    leases.acquire(SETUP, holder)
    assert bench.launch("deploy", "dc3", "initech").ending is DONE


@pytest.mark.failure_mode("A5")
def test_second_order_is_told_who_since_when_at_what(bench: Bench) -> None:
    holder = Holder(
        owner="eva@ops1", machine="elsewhere", pid=1, process_start="1", run="migrate-310304-zzzz",
        verb="migrate", started="2031-03-04T02:00:00Z",
    )  # fmt: skip
    leases = Leases(bench.workshop.witness, bench.company.clock, is_alive=never_alive)
    bench.company.clock = BeatingClock(leases, leases.acquire("acme", holder))
    bench.workshop = replace(bench.workshop, is_alive=lambda _: None)
    before = bench.company.dump()
    with pytest.raises(LeaseHeldError) as held:
        bench.launch("migrate", "dc5")
    assert str(held.value) == (
        "cannot take 'acme': run 'migrate-310304-zzzz' (migrate) of eva@ops1 works on it "
        "since 2031-03-04T02:00:00Z"
    )
    assert held.value.state == "acme: dc3 serves; this command changed nothing"
    assert bench.company.dump() == before


@pytest.mark.failure_mode("B15")
def test_no_secret_stands_in_events_reports_or_journals(bench: Bench) -> None:
    report = bench.launch("migrate", "dc5")
    journal = (bench.state / f"{report.run}.journal").read_bytes()
    wal = bench.state / f"{report.run}.journal-wal"
    text = repr(bench.events) + repr(report) + repr(bench.shown)
    stored = journal + (wal.read_bytes() if wal.exists() else b"")
    for secret in bench.company.secrets.values():
        assert secret.reveal() not in stored
        assert secret.reveal().decode("latin-1") not in text
