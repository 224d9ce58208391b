"""What status says of tenants and runs."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC

import pytest

from drp.cli.status_text import render_status
from drp.errors import RefusedError, RejectedError, UnreachableError
from drp.witness.leases import LeaseReader, Leases
from tests.commands.bench import BeatingClock, Bench


def test_status_of_all_names_who_serves_each_tenant(bench: Bench) -> None:
    report = bench.status()
    assert {each.tenant: each.site for each in report.served} == {
        "acme": "dc3",
        "globex": "nobody",
        "initech": "nobody",
    }
    assert report.runs == ()


def test_status_tells_closed_edges_from_silent_ones(bench: Bench) -> None:
    edges = bench.company.edges
    edges["h1"].fences.add("acme.example.test")
    edges["h2"].fail_next("routes", RejectedError("cannot ask the edge: it does not run"))
    edges["h3"].fail_next("routes", UnreachableError("cannot reach 'h3': no answer"))
    report = bench.status()
    states = {each.host: each.state for each in report.edges}
    assert states == {"h1": "closed", "h2": "closed", "h3": "silent", "h4": "open"}
    assert [line.partition("serving")[2] for line in render_status(report, UTC)[-2:]] == [
        " · closed: h1, h2",
        " · silent: h3",
    ]


def test_status_of_one_tenant_is_only_about_it(bench: Bench) -> None:
    assert [each.tenant for each in bench.status("globex").served] == ["globex"]


def test_run_of_a_dead_process_is_silent(bench: Bench) -> None:
    bench.cut("after-effect:restore")
    (run,) = bench.status().runs
    assert (run.run, run.status, run.owner) == ("migrate-310304-7f3a", "silent", "ops@here")
    assert (run.source, run.target) == ("dc3/h1", "dc5/h3")


def test_run_of_a_living_process_is_running(bench: Bench) -> None:
    bench.cut("after-effect:restore")
    bench.workshop = replace(bench.workshop, is_alive=lambda _: True)
    assert [run.status for run in bench.status("acme").runs] == ["running"]


def test_run_of_another_machine_is_leased(bench: Bench) -> None:
    bench.cut("after-effect:restore")
    bench.workshop = replace(bench.workshop, is_alive=lambda _: None)
    assert [run.status for run in bench.status("acme").runs] == ["leased"]


def test_status_of_a_run_tells_its_steps_from_journal_or_witness(bench: Bench) -> None:
    bench.cut("after-effect:restore")
    (here,) = bench.status("7f3a").runs
    assert here.steps["restore"] == "running"
    assert here.steps["backup"] == "done"
    assert here.steps["switch/acme.example.test"] == "pending"
    shutil.rmtree(bench.state)
    (elsewhere,) = bench.status("7f3a").runs
    assert elsewhere.steps["claim"] in ("running", "done")


def test_status_of_an_ended_run_says_how(bench: Bench) -> None:
    bench.launch("migrate", "dc5")
    (run,) = bench.status("7f3a").runs
    assert run.status == "done"
    assert bench.status().runs == ()


def test_status_of_what_is_neither_is_refused(bench: Bench) -> None:
    with pytest.raises(RefusedError, match="cannot show 'zzzz': it is neither a tenant nor a run"):
        bench.status("zzzz")


def test_status_writes_nothing(bench: Bench) -> None:
    before = bench.company.stores["witness"].dump(), bench.company.dump()
    bench.status()
    assert (bench.company.stores["witness"].dump(), bench.company.dump()) == before


def test_run_of_another_machine_whose_beat_is_seen_is_running(bench: Bench) -> None:
    bench.cut("after-effect:restore")
    bench.workshop = replace(bench.workshop, is_alive=lambda _: None)
    found = LeaseReader(bench.workshop.witness).find("acme")
    assert found is not None
    leases = Leases(bench.workshop.witness, bench.company.clock, is_alive=lambda _: None)
    bench.company.clock = BeatingClock(leases, found.lease, first=100)
    assert [run.status for run in bench.status("7f3a").runs] == ["running"]
    assert [run.status for run in bench.status("acme").runs] == ["running"]
