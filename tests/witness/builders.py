"""Records with sensible values, so that a test names only what it is about."""

from __future__ import annotations

from dataclasses import replace

from drp.witness.epochs import Claim, Serving
from drp.witness.leases import Holder
from drp.witness.runs import RunBegin, RunEnd


def build_claim(epoch: int = 1, *, run: str = "migrate-1", tenant: str = "acme") -> Claim:
    return Claim(
        tenant=tenant,
        epoch=epoch,
        run=run,
        site="dc5",
        host="h3",
        actor=f"operator-of-{run}@ops1",
        time="2031-03-04T02:11:00+00:00",
        digest="d1",
    )


def build_serving(epoch: int = 1, *, run: str = "migrate-1", tenant: str = "acme") -> Serving:
    return Serving(
        tenant=tenant, epoch=epoch, run=run, site="dc5", host="h3", since="2031-03-04T02:12:00+00:00"
    )


def build_holder(run: str = "migrate-1", *, machine: str = "m1", pid: int = 17) -> Holder:
    return Holder(
        owner=f"operator-of-{run}@ops1",
        machine=machine,
        pid=pid,
        process_start="4711",
        run=run,
        verb="migrate",
        started="2031-03-04T02:11:00+00:00",
    )


BEGIN = RunBegin(
    run="migrate-310304-7f3a",
    scope="acme",
    verb="migrate",
    owner="operator@ops1",
    machine="m1",
    began="2031-03-04T02:11:00+00:00",
    plan_digest="9c41",
)


def build_begin(run: str, *, scope: str = "acme", began: str = BEGIN.began) -> RunBegin:
    return replace(BEGIN, run=run, scope=scope, began=began)


def build_end(run: str = BEGIN.run, *, scope: str = "acme", status: str = "done") -> RunEnd:
    return RunEnd(run=run, scope=scope, status=status, exit_code=0, ended="2031-03-04T02:15:00+00:00")
