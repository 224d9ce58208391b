"""The controller: one is active, it does what policy asks for, and time is only that of its clock."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from drp.commands.controller.answering import answering, render_metrics
from drp.commands.controller.loop import LEASE, Controller
from drp.commands.controller.standing import Standing
from drp.commands.controller.unit import render_unit
from drp.engine.journal import Head
from drp.engine.journal_mark import JournalMark
from drp.errors import UnreachableError
from drp.testing.company import FakeCompany, image_id
from drp.witness.leases import LeaseReader
from tests.commands.bench import Bench, deployed
from tests.commands.test_backups import empty
from tests.commands.test_readiness import prove


@cache
def _company() -> FakeCompany:
    return deployed()


class Rig:
    """A bench on which a controller is led, turn by turn."""

    def __init__(self, state: Path, company: FakeCompany) -> None:
        self.company = company
        self.bench = Bench(state, company=company)
        self.standing = Standing()
        self.tails = iter(f"{number:04d}" for number in range(1000))
        self.bench._tail = lambda: next(self.tails)  # type: ignore[method-assign]
        self.controller = Controller(self.bench.desk(), self.bench.workshop, self.standing)

    def turn(self, later: timedelta = timedelta(0)) -> dict[str, str]:
        """Chore -> what came of it."""
        self.company.clock.advance(later)
        self.controller.turn()
        return {name: done.error or done.outcome for name, done in self.standing.chores.items()}

    def backups(self) -> int:
        keys = self.company.stores["backups"].list("drp1/acme/")
        return sum(key.endswith("MANIFEST.json") for key in keys)

    def health(self) -> bool:
        return self.standing.is_well(self.company.clock.now())


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path, copy.deepcopy(_company()))


def test_backups_are_taken_when_they_are_due_and_not_before(rig: Rig) -> None:
    assert rig.turn()["backups"] == "backed up acme"
    rig.turn(timedelta(minutes=30))
    assert rig.backups() == 1
    rig.turn(timedelta(minutes=30))
    assert rig.backups() == 2


def test_what_the_reserve_lacks_is_brought_there(rig: Rig) -> None:
    assert rig.turn()["reserve"] == "refreshed what acme need"
    removed = image_id("api")
    del rig.company.hosts["h3"].world.images[removed]
    before = rig.bench.runs
    rig.turn(timedelta(minutes=10))
    assert removed in rig.company.hosts["h3"].world.images
    rig.turn(timedelta(minutes=10))
    assert rig.bench.runs == before


def test_old_backups_go_by_policy(rig: Rig) -> None:
    rig.turn()
    assert "removed 1 backups" in rig.turn(timedelta(days=36))["prune"]
    assert rig.backups() == 1


def test_c19_a_host_that_restarted_serves_again(rig: Rig) -> None:
    rig.turn()
    rig.company.hosts["h1"].reboot()
    rig.turn(timedelta(minutes=1))
    assert rig.standing.chores["hosts"].outcome == "started h1"
    assert [each.site for each in rig.bench.status("acme").served] == ["dc3"]
    rig.turn(timedelta(minutes=1))
    assert rig.standing.served["acme"].writes


def test_a_host_that_a_run_works_on_is_left_alone(rig: Rig) -> None:
    rig.turn()
    rig.bench.cut("after-effect:restore")
    api = rig.company.hosts["h1"].world.containers["acme-e0001-api"]
    rig.company.hosts["h1"].crash("acme-e0001-api")
    rig.turn(timedelta(minutes=1))
    assert api.status == "exited"


def test_d3_a_failed_backup_is_told_and_tried_again_later(rig: Rig) -> None:
    rig.turn()
    empty(rig.company)
    assert "holds 0 documents" in rig.turn(timedelta(hours=1))["backups"]
    assert not rig.health()
    found = rig.backups()
    rig.turn(timedelta(minutes=1))
    assert rig.backups() == found
    rig.turn(timedelta(minutes=5))
    assert rig.backups() == found + 1


def test_a_dead_host_and_a_silent_store_stop_nothing_else(rig: Rig) -> None:
    rig.turn()
    rig.company.hosts["h4"].reachable = False
    rig.company.stores["backups"].down = True
    said = rig.turn(timedelta(hours=1))
    assert "no answer" in said["backups"]
    assert "watch" in said
    rig.company.stores["backups"].down = False
    assert rig.turn(timedelta(minutes=6))["backups"] == "backed up acme"


def stop_after(rig: Rig, waits: int, also: Callable[[], None] = lambda: None) -> None:
    """The controller is told to stop at that wait of its clock."""
    wait, left = rig.company.clock.wait, iter(range(waits))

    def counted(duration: timedelta) -> None:
        wait(duration)
        if next(left, None) is None:
            also()
            rig.controller.cancel()

    rig.company.clock.wait = counted  # type: ignore[method-assign]


def test_the_first_is_active_and_gives_its_lease_back_when_it_is_stopped(rig: Rig) -> None:
    stop_after(rig, 25)
    assert rig.controller.run().ending.code == 0
    assert (rig.standing.role, rig.backups()) == ("active", 1)
    found = LeaseReader(rig.company.stores["witness"]).find(LEASE)
    assert found is not None
    assert found.is_ended


def test_a_second_one_stands_by_and_takes_over_from_one_that_fell_silent(rig: Rig, tmp_path: Path) -> None:
    first = rig.controller._be_the_one

    def die() -> None:
        raise KeyboardInterrupt

    stop_after(rig, 3, also=die)
    with pytest.raises(KeyboardInterrupt):
        first()
    del rig.company.clock.__dict__["wait"]
    second = Rig(tmp_path / "second", copy.deepcopy(rig.company))
    held = LeaseReader(second.company.stores["witness"]).find(LEASE)
    assert held is not None
    assert not held.is_ended
    stop_after(second, 60)
    second.controller.run()
    assert second.standing.role == "active"
    now = LeaseReader(second.company.stores["witness"]).find(LEASE)
    assert now is not None
    assert now.lease.number > held.lease.number


def test_without_the_witness_it_is_nobody_and_says_so(rig: Rig) -> None:
    rig.company.stores["witness"].down = True
    stop_after(rig, 3)
    rig.controller.run()
    assert (rig.standing.role, rig.health()) == ("standby", False)
    assert "no answer" in rig.standing.trouble
    assert rig.backups() == 0


def ask(port: int, path: str) -> tuple[int, str]:
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def test_health_and_metrics_are_answered_on_loopback(rig: Rig) -> None:
    clock, tenants = rig.company.clock, rig.company.inventory.tenants
    with answering(rig.standing, clock, tenants, port=0) as port:
        assert ask(port, "/health")[0] == 503
        rig.turn()
        rig.turn(timedelta(minutes=1))
        status, body = ask(port, "/health")
        assert (status, json.loads(body)["chores"]["backups"]["outcome"]) == (200, "backed up acme")
        _, metrics = ask(port, "/metrics")
        assert 'drp_tenant_up{env="production",site="dc3",tenant="acme"} 1.0' in metrics
        assert 'drp_rpo_lag_seconds{env="production",site="dc3",tenant="acme"} 60.0' in metrics
        rig.company.hosts["h1"].fail_next("find_container", UnreachableError("gone"), times=1)
        clock.advance(timedelta(minutes=3))
        assert ask(port, "/health")[0] == 503
        assert ask(port, "/else")[0] == 404


def test_proofs_runs_leases_and_the_lag_of_copies_are_measured(rig: Rig) -> None:
    clock, tenants = rig.company.clock, rig.company.inventory.tenants
    rig.turn()
    before = render_metrics(rig.standing, clock, tenants).decode()
    assert 'drp_runs{state="ended",verb="backup"} 1.0' in before
    assert 'drp_lease_held{env="production",tenant="acme"} 0.0' in before
    assert "drp_journal_copy_lag_records 0.0" in before
    assert "drp_restore_proof_ok{" not in before
    prove(rig.company, ok=False, reason="damaged")
    rig.bench.cut("after-effect:restore")
    (path,) = rig.bench.state.glob("migrate-*.journal")
    JournalMark(path).write(Head(10**6, "0" * 64))
    rig.turn(timedelta(minutes=2))
    after = render_metrics(rig.standing, clock, tenants).decode()
    assert 'drp_restore_proof_ok{env="production",tenant="acme"} 0.0' in after
    assert 'drp_restore_proof_timestamp_seconds{env="production",tenant="acme"} 1.9' in after
    assert 'drp_runs{state="open",verb="migrate"} 1.0' in after
    assert 'drp_lease_held{env="production",tenant="acme"} 1.0' in after
    (lag,) = re.findall(r"^drp_journal_copy_lag_records (.*)$", after, re.MULTILINE)
    assert float(lag) > 10**5


def test_the_unit_starts_drp_as_it_was_called() -> None:
    unit = render_unit(["/opt/drp/bin/drp", "serve", "--config", "/etc/my drp"], user="drp")
    assert "ExecStart=/opt/drp/bin/drp serve --config '/etc/my drp'" in unit.lines
    assert "Restart=always" in unit.lines
