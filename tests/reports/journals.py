"""Journals of runs over many that nobody has to run: made record by record, as the engine writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

from drp.engine.journal import FORMAT, Draft, MemoryJournal, Record, Stamp
from drp.model.plan import Plan, Step
from drp.model.values import Json, JsonMap

BEGAN = datetime(2026, 11, 4, 2, 20, 41, tzinfo=UTC)
RUN = "failover-261104-c2d8"
_WORK = (
    ("claim", "epoch.claim"),
    ("closed", "edge.route"),
    ("switch", "dns.switch"),
    ("network", "network.create"),
    ("isolation", "isolation.prove"),
    ("restore", "backup.restore"),
    ("smoke", "api.smoke"),
    ("serves", "edge.serves"),
    ("agreed", "dns.agreed"),
    ("whole", "backup.check"),
)
_STAGES = {
    "claim": "claim", "closed": "names", "switch": "names", "network": "redeploy", "isolation": "redeploy",
    "restore": "restore", "smoke": "restore", "serves": "open", "agreed": "open", "whole": "protect",
}  # fmt: skip


def name_of(number: int) -> str:
    return f"client-{number:04}"


@cache
def build_failover(count: int, *, wave: int = 50, operator: str = "ops@here") -> tuple[Record, ...]:
    """A failover of so many tenants; every fiftieth could not be restored, the last three found no room."""
    names = [name_of(number) for number in range(count)]
    plan = _plan(names, wave)
    journal = MemoryJournal()

    def write(draft: Draft, seconds: float) -> None:
        time = BEGAN + timedelta(seconds=round(seconds, 3))
        journal.append([draft], Stamp(time=time, actor=operator, epoch=1))

    begun: JsonMap = {"format": FORMAT, "plan": plan.to_json(), "header": _header(plan, names)}
    write(Draft(kind="plan", data=begun), 0)
    for number, name in enumerate(names):
        _write_tenant(write, number, name)
    outcomes: list[Json] = [_outcome(number, name) for number, name in enumerate(names)]
    failed = sum(number % 50 == 49 for number in range(count))
    write(Draft(kind="ended", data={"outcome": "partial" if failed else "done"}), 871)
    judged: JsonMap = {
        "status": "partial" if failed else "done",
        "exit_code": 9 if failed else 0,
        "from": "dc3",
        "to": "dc5",
        "tenants": outcomes,
        "unprotected": [],
    }
    write(Draft(kind="judged", data={"report": judged}), 872)
    return (*journal.read(),)


def _write_tenant(write: object, number: int, name: str) -> None:
    assert callable(write)
    at = 10.0 + number % 50 + number // 50 * 30
    for step, action in _WORK:
        id_ = f"{step}/{name}"
        write(Draft(kind="start", step=id_, attempt=1), at)
        at += 2.5 + number % 7
        if step == "restore" and number % 50 == 49:
            failure: JsonMap = {
                "error": "RejectedError", "message": f"cannot restore '{name}': 000017.pack is damaged",
                "transient": False, "state": "", "hint": "", "page": "D2", "retry_after": None,
            }  # fmt: skip
            write(Draft(kind="failed", step=id_, attempt=1, data={"failure": failure}), at)
            return
        write(Draft(kind="done", step=id_, attempt=1, data={"outputs": _outputs(action, number)}), at)


def _outputs(action: str, number: int) -> JsonMap:
    documents = 1000 + number * 37
    found: dict[str, JsonMap] = {
        "isolation.prove": {"cells": 391, "closed": 383},
        "backup.restore": {
            "documents": documents, "bytes": documents * 512, "redis_keys": number,
            "manifest_sha256": f"{number:064x}",
            "collections": [{"db": "app", "coll": "orders", "documents": documents}],
        },
        "api.smoke": {"requests": 3},
        "dns.agreed": {"servers": {f"192.0.2.{n}": ["dc5.example.test"] for n in (53, 54)}},
        "backup.check": {"backup": f"20261104T0230{number % 60:02}Z-{number:08x}", "documents": documents},
    }  # fmt: skip
    return found.get(action, {})


def _outcome(number: int, name: str) -> JsonMap:
    if number % 50 == 49:
        cause = f"cannot restore '{name}': 000017.pack is damaged"
        return {"tenant": name, "status": "quarantined", "code": "D2", "cause": cause, "serves": "nobody"}
    return {
        "tenant": name, "status": "done", "serves": "dc5", "probed": "2026-11-04T02:35:12.000Z",
        "rto_s": 60.0 + number % 500, "rpo_s": 1.0 + number % 25,
    }  # fmt: skip


def _plan(names: list[str], wave: int) -> Plan:
    steps: list[Step] = []
    for name in names:
        before: str = ""
        for step, action in _WORK:
            id_ = f"{step}/{name}"
            steps.append(
                Step(
                    id=id_,
                    action=action,
                    params={},
                    stage=_STAGES[step],
                    scope=name,
                    needs=frozenset([before] if before else []),
                    deadline=timedelta(minutes=30),
                )
            )
            before = id_
    groups = [names[at : at + wave] for at in range(0, len(names), wave)]
    waves: list[Json] = [
        {"name": f"silver-{number + 1}", "after": f"silver-{number}", "before": [*group]}
        for number, group in enumerate(groups[:-1], start=1)
    ]
    return Plan(
        run=RUN, runbook="failover", tenant="", steps=tuple(steps), inputs={"waves": waves},
        on_failure="quarantine",
    )  # fmt: skip


def _header(plan: Plan, names: list[str]) -> JsonMap:
    promised: JsonMap = {
        name: {"from": "dc3", "to": "dc5", "country": "FR", "residency": ["EU"], "freeze_s": 5.0}
        for name in names
    }
    return {
        "run": plan.run,
        "drp": "1.4.0",
        "machine": "ops1",
        "plan": plan.digest(),
        "inventory": "0" * 64,
        "order": {"verb": "failover", "tenants": [*names], "site": "dc5"},
        "left_out": {f"left-out-{number}": "no room at dc5" for number in range(3)},
        "promises": {
            "zone": "Europe/Paris",
            "bars": {"rto_s": 3600.0, "rpo_s": 20.0},
            "tenants": promised,
            "predicted": {"seconds": 900, "spread_s": 60, "runs": 6, "off_percent": 9},
        },
    }
