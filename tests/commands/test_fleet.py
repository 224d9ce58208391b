"""Orders for many tenants from the first question to the last proof, on the company in memory."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import UTC, timedelta
from functools import cache
from pathlib import Path

import pytest

from drp.actions.history import require_newest
from drp.actions.orders import Order
from drp.cli.fleet_text import render_fleet_end
from drp.commands.events import RunEvent
from drp.commands.fleet import launch, recover
from drp.commands.fleet.deciding import decide
from drp.commands.fleet.orders import NO_CONSENT, Consent, Selection
from drp.commands.fleet.results import FleetReport, FleetReview
from drp.commands.fleet.starting import build_start
from drp.commands.runs import tail_of
from drp.commands.stopping import Departure, Stoppable
from drp.errors import DeniedError, RefusedError, UnreachableError, UsageError
from drp.model.policies import Policies, WavePolicy
from drp.model.sights import SiteSight
from drp.testing.company import FakeCompany, image_id
from drp.witness.runs import RunReader
from tests.actions.runs import deploy
from tests.commands.bench import Bench, build_workshop

TENANTS = ("acme", "globex", "initech")
AGREED = Consent(expect_tenants=3, accept_loss=timedelta(hours=1))


@cache
def _prepared(folder: Path) -> FakeCompany:
    bench = Bench(folder, company=FakeCompany())
    for tenant in TENANTS:
        deploy(bench.company, tenant)
    for verb in ("backup", "reserve"):
        report = give(bench, verb)
        assert report.ending.word == "done", report.to_json()
    return bench.company


@pytest.fixture
def bench(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Three tenants at dc3, with backups; then dc3 is gone."""
    company = copy.deepcopy(_prepared(tmp_path_factory.getbasetemp()))
    company.lose("dc3")
    company.clock.advance(timedelta(minutes=10))
    return Bench(tmp_path, company=company)


def give(
    bench: Bench, verb: str, consent: Consent = AGREED, tenants: tuple[str, ...] = TENANTS
) -> FleetReport:
    source, site = (
        ("dc3", "dc5") if verb in ("failover", "planned") else ("", "dc5" if verb == "reserve" else "")
    )
    order = Order(verb=verb, run="", tenant="", tenants=tenants, source=source, site=site)
    return launch.launch(bench.desk(), bench.workshop, order, consent=consent)


def point(bench: Bench, alias: str) -> None:
    """By hand."""
    old = bench.company.zone.find("globex.example.test", "CNAME")
    assert old is not None
    bench.company.zone.replace(old, replace(old, values=(alias,)))


def outcomes(report: FleetReport) -> dict[str, str]:
    return {outcome.tenant: outcome.status for outcome in report.outcomes}


def test_everybody_is_served_at_the_other_site_and_it_is_said_what_was_lost(bench: Bench) -> None:
    report = give(bench, "failover")
    assert (report.ending.code, outcomes(report)) == (0, dict.fromkeys(TENANTS, "done"))
    assert all(outcome.rpo_s is not None and outcome.rpo_s >= 600 for outcome in report.outcomes)
    assert {outcome.restored["documents"] for outcome in report.outcomes} == {3}
    shown = bench.shown[0]
    assert isinstance(shown, FleetReview)
    assert shown.worst_loss_s >= 600


def test_an_edge_that_does_not_hand_on_keeps_nobody_from_serving(bench: Bench) -> None:
    """And the run is not called done before it does."""
    address = bench.company.inventory.host("h4").edge
    bench.company.probes.down.add(address)
    agreed = replace(AGREED, expect_tenants=2)
    report = give(bench, "failover", agreed, tenants=("acme", "globex"))
    assert outcomes(report) == {"acme": "done", "globex": "done"}
    assert (report.ending.code, [gap.host for gap in report.gaps]) == (9, ["h4"])
    text = " ".join(" ".join(render_fleet_end(report, UTC)).split())
    assert "gap the edge of h4 hands nothing on: cannot reach" in text

    bench.company.probes.down.remove(address)
    again = recover.retry(bench.desk(), bench.workshop, report.run, tenants=[], failed=True)
    assert (again.ending.code, again.gaps) == (0, ())
    assert bench.company.probes.get(address, "acme.example.test", "/", timedelta(seconds=1)).status == 200


def test_who_is_served_is_started_again_while_others_are_still_set_aside(bench: Bench) -> None:
    """A run may stay open for days because of one tenant; the others have an ordinary life."""
    point(bench, "elsewhere.example.test")
    report = give(bench, "failover")
    aside = {outcome.tenant: outcome.status for outcome in report.outcomes}
    assert (report.ending.word, aside["acme"], aside["globex"]) == ("partial", "done", "quarantined")
    bench.company.hosts["h3"].reboot()
    order = build_start(bench.company, "h3")
    started = launch.launch(bench.desk(), bench.workshop, order, consent=NO_CONSENT)
    assert outcomes(started)["acme"] == "done"
    assert outcomes(started).get("globex", "skipped") == "skipped"


@pytest.mark.failure_mode("B18")
def test_a_failover_pauses_while_the_witness_is_away(bench: Bench) -> None:
    def go_away(run: Stoppable, departure: Departure) -> None:
        bench.company.clock.advance(timedelta(minutes=1))
        bench.company.stores["witness"].fail_next("put_once", UnreachableError("cannot reach the witness"))

    bench.on_stops = go_away
    report = give(bench, "failover")
    assert outcomes(report) == dict.fromkeys(TENANTS, "done")
    told = [event.status for event in bench.events if isinstance(event, RunEvent)]
    assert told[:3] == ["begun", "pausing", "going-on"]


@pytest.mark.failure_mode("A8")
def test_loss_and_number_are_asked_for_and_a_wrong_answer_touches_nothing(bench: Bench) -> None:
    before = bench.company.dump()
    for typed, words in (
        (["1m"], "would lose more than 1m00s"),
        (["1h", "2"], "another number was expected"),
    ):
        bench.typed = typed
        with pytest.raises(RefusedError, match=words):
            give(bench, "failover", Consent())
    assert [question.flag for question in bench.asked] == [
        "--accept-loss DURATION",
        "--accept-loss DURATION",
        "--expect-tenants 3",
    ]
    assert bench.company.dump() == before


@pytest.mark.failure_mode("L4")
def test_a_sick_tenant_is_set_aside_and_finished_alone_when_it_is_cured(bench: Bench) -> None:
    point(bench, "elsewhere.example.test")
    report = give(bench, "failover")
    assert (report.ending.word, report.ending.code) == ("partial", 9)
    assert outcomes(report) == {"acme": "done", "globex": "quarantined", "initech": "done"}
    aside = next(outcome for outcome in report.outcomes if outcome.status == "quarantined")
    assert "globex.example.test" in aside.cause

    before = bench.company.dump()
    with pytest.raises(RefusedError, match="acme was not set aside"):
        recover.retry(bench.desk(), bench.workshop, report.run, tenants=["acme"], failed=False)
    assert bench.company.dump() == before

    point(bench, "dc3.example.test")
    bench.company.clock.advance(timedelta(minutes=5))
    again = recover.retry(bench.desk(), bench.workshop, report.run, tenants=[], failed=True)
    assert (again.ending.word, outcomes(again)["globex"]) == ("done", "done")
    # what was lost is counted from the begin of the run, not from when somebody took it up again
    assert [o.rpo_s for o in again.outcomes] == [o.rpo_s for o in report.outcomes]


def test_who_has_no_backup_is_left_out_by_name(bench: Bench) -> None:
    for key in bench.company.stores["backups"].list("drp1/globex/"):
        bench.company.stores["backups"].delete(key)
    report = give(bench, "failover", Consent(expect_tenants=2, accept_loss=timedelta(hours=1)))
    assert outcomes(report) == {"acme": "done", "initech": "done", "globex": "skipped"}


def test_a_second_that_passes_makes_no_other_plan_of_a_backup(bench: Bench) -> None:
    order = Order(verb="backup", run="", tenant="", site="", tenants=("globex",))
    for name in ("h1", "h2"):
        bench.company.hosts[name].reachable = True
    before = launch.plan(bench.workshop, order)
    bench.company.clock.advance(timedelta(seconds=1))
    assert launch.plan(bench.workshop, order).digest == before.digest


@pytest.mark.failure_mode("L1")
def test_when_not_everybody_fits_the_least_important_stay_out_by_name(bench: Bench) -> None:
    """Each host of the other site has room for one; acme is worth least, though first by name."""
    inventory = bench.company.inventory
    site = inventory.sites["dc5"]
    small = replace(site, hosts=tuple(replace(host, memory=3 * 2**30) for host in site.hosts))
    acme = replace(inventory.tenants["acme"], tier="bronze")
    bench.company.inventory = replace(
        inventory, sites={**inventory.sites, "dc5": small}, tenants={**inventory.tenants, "acme": acme}
    )
    bench.workshop = build_workshop(bench.company)
    report = give(bench, "failover", replace(AGREED, expect_tenants=2))
    assert outcomes(report) == {"globex": "done", "initech": "done", "acme": "skipped"}
    (out,) = (outcome for outcome in report.outcomes if outcome.status == "skipped")
    assert "memory" in out.cause


@pytest.mark.failure_mode("A6")
def test_a_move_that_was_under_way_is_taken_over_and_never_goes_on(bench: Bench) -> None:
    for host in ("h1", "h2"):
        show_life(bench, host)
    bench.cut("after-effect:create/api")
    (begun,) = RunReader(bench.workshop.witness).iter_open("acme")
    bench.company.lose("dc3")
    assert outcomes(give(bench, "failover")) == dict.fromkeys(TENANTS, "done")
    with pytest.raises(RefusedError, match="it ended as superseded"):
        bench.recover(begun.begin.run)


@pytest.mark.failure_mode("L7")
def test_who_was_taken_over_has_a_backup_of_the_new_place(bench: Bench) -> None:
    report = give(bench, "failover")
    assert report.unprotected == ()
    newest = {name: require_newest(bench.company, bench.company.inventory.tenants[name]) for name in TENANTS}
    assert {found.site for found in newest.values()} == {"dc5"}


def test_a_backup_that_fails_is_named_and_sets_nobody_aside(bench: Bench) -> None:
    bench.company.stores["backups"].fail_next("put_once", DeniedError("cannot write: no rights"))
    report = give(bench, "failover")
    assert (report.ending.word, outcomes(report)) == ("done", dict.fromkeys(TENANTS, "done"))
    (name,) = report.unprotected
    text = " ".join(" ".join(render_fleet_end(report, UTC)).split())
    assert f"unprotected {name} cannot write: no rights" in text
    assert f"drp backup --tenants {name}" in text


def test_a_report_holds_what_was_promised_against_what_was(bench: Bench) -> None:
    policies = Policies(rto=timedelta(hours=1), rpo=timedelta(seconds=30))
    bench.company.inventory = replace(bench.company.inventory, policies=policies)
    bench.workshop = build_workshop(bench.company)
    text = " ".join(" ".join(render_fleet_end(give(bench, "failover"), UTC)).split())
    assert "bar 1h00m RPO" in text
    assert "bar 30s, 3 above it" in text
    assert "protected 3 tenants by a backup of dc5" in text


def test_nobody_is_no_order(bench: Bench) -> None:
    inventory = bench.workshop.inventory
    assert Selection(everyone=True, without=("acme",)).find(inventory, "failover") == ("globex", "initech")
    with pytest.raises(RefusedError, match="say which tenants are meant"):
        Selection().find(inventory, "failover")
    with pytest.raises(RefusedError, match="no tenant matches"):
        Selection(env="staging").find(inventory, "failover")
    with pytest.raises(UsageError, match="no such tenant"):
        Selection(tenants=("nobody",)).find(inventory, "failover")


def show_life(bench: Bench, host: str) -> None:
    """One host of the lost site answers again."""
    bench.company.hosts[host].reachable = True
    bench.company.probes.down.discard(bench.company.inventory.host(host).edge)


def seen(bench: Bench) -> SiteSight:
    shown = bench.shown[-1]
    assert isinstance(shown, FleetReview)
    assert shown.sight is not None
    return shown.sight


@pytest.mark.failure_mode("A2")
@pytest.mark.parametrize("place", ["engine", "edge"])
def test_one_sign_of_life_is_enough_to_ask_which_way(bench: Bench, place: str) -> None:
    """Dead for this machine's engine calls but alive for clients, or the reverse."""
    if place == "engine":
        bench.company.hosts["h2"].reachable = True
    else:
        bench.company.probes.down.discard(bench.company.inventory.host("h2").edge)
    before = bench.company.dump()
    bench.typed = [""]
    with pytest.raises(RefusedError, match="neither way was chosen"):
        give(bench, "failover")
    assert seen(bench).verdict == "half-dead"
    assert [question.flag for question in bench.asked] == ["--mode disaster"]
    assert bench.company.dump() == before


def test_a_site_whose_hosts_live_and_whose_apis_do_not_is_half_dead(bench: Bench) -> None:
    for host in ("h1", "h2"):
        show_life(bench, host)
        for container in bench.company.hosts[host].world.running():
            if container.spec.name.endswith("-api"):
                bench.company.hosts[host].stop_container(container.spec.name, timedelta(seconds=1))
    bench.typed = ["q"]
    with pytest.raises(RefusedError, match="neither way was chosen"):
        give(bench, "failover")
    assert (seen(bench).verdict, seen(bench).answering) == ("half-dead", ())


def test_a_site_that_is_alive_is_given_up_only_by_name_of_the_mode(bench: Bench) -> None:
    for host in ("h1", "h2"):
        show_life(bench, host)
    bench.typed = ["A", "2"]
    with pytest.raises(RefusedError, match="3 tenants would move"):
        give(bench, "failover", Consent())
    assert (seen(bench).verdict, set(seen(bench).answering)) == ("alive", set(TENANTS))
    order = Order(verb="failover", run="", tenant="", tenants=TENANTS, source="dc3", site="dc5")
    asked = len(bench.asked)
    decide(bench.desk(), order, seen(bench), mode="disaster")
    assert len(bench.asked) == asked


@pytest.mark.failure_mode("A3")
def test_a_machine_that_reaches_nobody_declares_nobody_dead(bench: Bench) -> None:
    bench.company.lose("dc5")
    for consent in (AGREED, replace(AGREED, mode="disaster")):
        with pytest.raises(RefusedError, match="this machine is isolated") as caught:
            give(bench, "failover", consent)
        assert caught.value.page == "A3"


def test_a_machine_that_reaches_a_neutral_name_is_not_isolated(bench: Bench) -> None:
    bench.company.lose("dc5")
    policies = Policies(neutral=("www.example.net",))
    bench.company.inventory = replace(bench.company.inventory, policies=policies)
    bench.company.probes.names.add("www.example.net")
    bench.workshop = build_workshop(bench.company)
    with pytest.raises(RefusedError, match="0 of 2 other hosts answer"):
        give(bench, "failover")


def test_what_is_dead_cannot_be_moved_as_planned(bench: Bench) -> None:
    with pytest.raises(RefusedError, match="nothing of it answers"):
        give(bench, "planned")
    assert not bench.shown


@pytest.mark.failure_mode("L9")
def test_a_common_cause_stops_the_waves_and_a_resume_goes_on(bench: Bench) -> None:
    """The two canaries need an image that is nowhere; the third is not begun until that is cured."""
    waves = Policies(waves=WavePolicy(least=3, canary=2))
    bench.company.inventory = replace(bench.company.inventory, policies=waves)
    bench.workshop = build_workshop(bench.company)
    images = {name: bench.company.hosts[name].world.images for name in ("h3", "h4")}
    taken = {name: found.pop(image_id("api")) for name, found in images.items()}

    report = give(bench, "failover")
    assert (report.ending.word, report.next) == ("partial", f"drp resume {tail_of(report.run)}")
    assert sorted(outcomes(report).values()) == ["quarantined", "quarantined", "waiting"]
    (waiting,) = (outcome for outcome in report.outcomes if outcome.status == "waiting")
    assert "2 of 2 failed at 'image' alike" in waiting.cause
    assert waiting.code == "L9"

    for name, content in taken.items():
        images[name][image_id("api")] = content
    again = recover.resume(bench.desk(), bench.workshop, report.run)
    assert (again.ending.word, outcomes(again)) == ("done", dict.fromkeys(TENANTS, "done"))
