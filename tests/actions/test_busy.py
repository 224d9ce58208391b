"""Which open runs may still change who serves a tenant."""

from __future__ import annotations

import pytest

from drp.actions.busy import find_work
from drp.model.values import JsonMap
from drp.testing.objects import FakeObjects
from drp.witness.epochs import Claim, Epochs, Serving
from drp.witness.runs import ALL, RunBegin

SERVING = Serving(tenant="acme", epoch=2, run="failover-1", site="dc5", host="h3", since="")


@pytest.fixture
def epochs() -> Epochs:
    """acme is served under its second epoch."""
    found = Epochs(FakeObjects())
    claim(found, 1, "deploy-1")
    claim(found, 2, SERVING.run)
    found.serve(SERVING)
    return found


def claim(epochs: Epochs, epoch: int, run: str) -> None:
    made = Claim(tenant="acme", epoch=epoch, run=run, site="dc5", host="h3", actor="eva", time="", digest="")
    epochs.claim(made)


def begin(verb: str, run: str, *tenants: str) -> RunBegin:
    details: JsonMap = {"tenants": [*tenants]} if tenants else {}
    scope = ALL if tenants else "acme"
    return RunBegin(
        run=run, scope=scope, verb=verb, owner="eva", machine="", began="", plan_digest="", details=details
    )


def test_a_run_over_many_is_at_work_on_who_has_a_claim_above_what_serves(epochs: Epochs) -> None:
    opened = [begin("failover", "failover-2", "acme", "globex")]
    assert find_work(epochs, opened, SERVING) is None
    claim(epochs, 3, "failover-2")
    assert find_work(epochs, opened, SERVING) == opened[0]


def test_a_run_over_many_is_through_with_whom_it_serves(epochs: Epochs) -> None:
    claim(epochs, 3, "migrate-7")
    opened = [begin("failover", SERVING.run, "acme", "globex")]
    assert find_work(epochs, opened, SERVING) is None


def test_a_run_of_its_own_is_at_work_to_its_end_and_a_backup_never(epochs: Epochs) -> None:
    claim(epochs, 3, "backup-3")
    move, backup = begin("migrate", "migrate-7"), begin("backup", "backup-3", "acme")
    assert find_work(epochs, [backup], SERVING) is None
    assert find_work(epochs, [backup, move], SERVING) == move
