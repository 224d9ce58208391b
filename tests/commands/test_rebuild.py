"""A run whose journal and copy are both lost."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from drp.commands.endings import DONE, WAITING
from drp.commands.rebuild.rebuild import rebuild
from drp.commands.results import Listing
from drp.errors import LeaseHeldError, RefusedError
from drp.model.values import JsonMap
from drp.ports.edges import Route
from drp.testing.company import FakeCompany
from drp.witness.leases import LeaseReader, Leases
from drp.witness.runs import RunReader
from tests.actions.test_runs import without_burnt
from tests.commands.bench import BeatingClock, Bench, deployed

RUN = "migrate-310304-7f3a"
POINTS = (
    "before:volume/acme-e0002-mongodb",
    "after-effect:restore",
    "after-effect:stop-api",
    "before:route/h1",
)
"""Where a migration is cut: before its final step, after which the sources would not agree."""


def forget(bench: Bench) -> None:
    """Journal and copy are gone; epochs, leases and the index of runs are not."""
    shutil.rmtree(bench.state)
    content = bench.company.stores["witness"].content
    for key in [key for key in content if key.startswith("journals/")]:
        del content[key]


def world(company: FakeCompany) -> JsonMap:
    """Without burnt epochs, and without backups: whoever took one, it is kept as long as its policy says."""
    found = without_burnt(company.dump())
    assert isinstance(found, dict)
    return {name: value for name, value in found.items() if name not in ("backups", "keys")}


def put_in_order(bench: Bench, word: str = "acme", *, dry_run: bool = False) -> Listing:
    return rebuild(bench.desk(), bench.workshop, word, dry_run=dry_run)


@pytest.mark.parametrize("point", POINTS)
def test_what_a_lost_run_left_is_taken_away_and_who_serves_serves_fully(bench: Bench, point: str) -> None:
    bench.cut(point)
    forget(bench)
    found = put_in_order(bench)
    assert found.ending is WAITING
    assert any(line.startswith("instance  acme-e0001 on dc3/h1") for line in found.lines)
    assert any("never served, of run " + RUN in line for line in found.lines) or point == POINTS[0]
    entry = RunReader(bench.workshop.witness).find(RUN)
    assert entry is not None
    assert entry.end is not None
    assert entry.end.status == "lost"

    report = bench.recover("b9d2")
    assert (report.ending, report.served.site, report.served.writes) == (DONE, "dc3", True)
    assert world(bench.company) == world(deployed())


def test_dry_run_writes_nothing(bench: Bench) -> None:
    bench.cut("after-effect:restore")
    forget(bench)
    before = bench.company.stores["witness"].dump(), bench.company.dump()
    assert put_in_order(bench, "7f3a", dry_run=True).ending is DONE
    assert (bench.company.stores["witness"].dump(), bench.company.dump()) == before


def test_tenant_in_order_needs_nothing(bench: Bench) -> None:
    found = put_in_order(bench)
    assert (found.ending, found.data["steps"]) == (DONE, [])
    assert bench.status("acme").runs == ()


def test_journal_that_is_there_is_not_rebuilt(bench: Bench) -> None:
    bench.cut("after-effect:restore")
    with pytest.raises(RefusedError, match="its journal is there") as no:
        put_in_order(bench)
    assert "`drp resume 7f3a`" in no.value.hint


@pytest.mark.parametrize("point", ["after-effect:route/h1", "after-end:serve"])
@pytest.mark.failure_mode("H7")
def test_sources_that_disagree_are_told_and_nothing_is_guessed(bench: Bench, point: str) -> None:
    bench.cut(point)
    forget(bench)
    before = bench.company.dump(), bench.company.stores["witness"].dump()
    with pytest.raises(RefusedError, match="cannot rebuild 'acme': the witness says") as no:
        put_in_order(bench)
    assert "edges" in no.value.state
    assert (bench.company.dump(), bench.company.stores["witness"].dump()) == before


def test_edge_that_goes_elsewhere_disagrees(bench: Bench) -> None:
    bench.cut("after-effect:restore")
    forget(bench)
    bench.company.edges["h1"].set_route("acme.example.test", Route("closed"))
    with pytest.raises(RefusedError, match="the witness says dc3, but the edge of h1 routes to closed"):
        put_in_order(bench)


def test_run_is_found_by_the_epoch_it_claimed(bench: Bench) -> None:
    """Even the index of runs has forgotten it."""
    bench.cut("after-effect:restore")
    forget(bench)
    content = bench.company.stores["witness"].content
    for key in [key for key in content if key.startswith("runs/")]:
        del content[key]
    assert put_in_order(bench, "7f3a").ending is WAITING


def test_run_of_a_living_machine_is_left_alone(bench: Bench) -> None:
    bench.cut("after-effect:restore")
    forget(bench)
    bench.workshop = replace(bench.workshop, is_alive=lambda _: None)
    lease = LeaseReader(bench.workshop.witness).find("acme")
    assert lease is not None
    leases = Leases(bench.workshop.witness, bench.company.clock, is_alive=lambda _: None)
    bench.company.clock = BeatingClock(leases, lease.lease, first=100)
    with pytest.raises(LeaseHeldError):
        put_in_order(bench)


def test_unknown_word_is_refused(bench: Bench) -> None:
    with pytest.raises(RefusedError, match="neither tenant nor run"):
        put_in_order(bench, "zzzz")
