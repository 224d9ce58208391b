"""What the end of a run over many is called, for each tenant and in all. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from drp.commands.endings import AS_BEFORE, CANCELLED, DONE, PARTIAL, STUCK, UNKNOWN, Ending
from drp.commands.events import code_of
from drp.commands.fleet.results import Gap, TenantOutcome
from drp.commands.results import Served
from drp.engine.events import Failure, RunResult
from drp.model.values import JsonMap

PROTECT: Final = "protect"
"""The stage in which what serves already gets its first backup at its new place."""
WAITS: Final = "WaitingError"
"""What a tenant failed of that was only stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """``expected`` is the site that shall serve ("" when the run changes nothing of that). ``began``: when
    the run did; ``opened``: when the last step was done by which a tenant serves."""

    result: RunResult | None
    served: Mapping[str, Served]
    expected: str
    began: datetime
    opened: Mapping[str, datetime] = field(default_factory=dict)


def judge_tenant(tenant: str, evidence: Evidence) -> TenantOutcome:
    """Never better than what was seen."""
    result, served = evidence.result, evidence.served.get(tenant)
    if result is None:
        return TenantOutcome(tenant=tenant, status="unknown", served=served, cause="the run broke off")
    ending = result.scopes.get(tenant, "unfinished")
    failure = result.failures.get(tenant)
    if ending == "done":
        return _judge_done(tenant, evidence, served)
    if failure is not None and failure.stage == PROTECT:
        # it serves; that nothing protects it yet is said beside it
        return replace(_judge_done(tenant, evidence, served), cause=failure.cause.message, step=failure.step)
    if failure is not None:
        status = "unknown" if ending == "unknown" else "quarantined"
        return _failed(tenant, status, served, failure)
    whole = result.failures.get("")
    if whole is not None:
        return _failed(tenant, "waiting", served, whole)
    return TenantOutcome(tenant=tenant, status="waiting", served=served, cause="its turn did not come")


def _judge_done(tenant: str, evidence: Evidence, served: Served | None) -> TenantOutcome:
    if not evidence.expected:
        return TenantOutcome(tenant=tenant, status="done", served=served)
    if served is None or served.site != evidence.expected or not served.writes:
        reason = served.reason if served else "nobody looked"
        return TenantOutcome(
            tenant=tenant,
            status="unknown",
            served=served,
            cause=reason or f"{served.site if served else 'nobody'} serves",
        )
    rto = (evidence.opened.get(tenant, served.probed) - evidence.began).total_seconds()
    return TenantOutcome(tenant=tenant, status="done", served=served, rto_s=rto)


def _failed(tenant: str, status: str, served: Served | None, failure: Failure) -> TenantOutcome:
    return TenantOutcome(
        tenant=tenant,
        status=status,
        served=served,
        code=failure.cause.page or code_of(failure.cause.error),
        cause=failure.cause.message,
        step=failure.step,
    )


def find_gaps(facts: JsonMap, failures: Mapping[str, Failure]) -> tuple[Gap, ...]:
    """Edges that were to hand requests on and failed; nobody has to wait for them."""
    forwards = facts.get("forwards")
    return tuple(
        Gap(part=str(each["name"]), host=str(each["host"]), cause=failures[str(each["name"])].cause.message)
        for each in (forwards if isinstance(forwards, list) else [])
        if isinstance(each, dict) and each["name"] in failures
    )


def judge_all(outcomes: Sequence[TenantOutcome], result: RunResult | None) -> Ending:
    """Any unknown: unknown. Some done and some not: partial. None done: as before, else stuck."""
    statuses = {outcome.status for outcome in outcomes if outcome.status != "skipped"}
    if result is None or result.outcome == "unknown" or "unknown" in statuses:
        return UNKNOWN
    if result.outcome == "stuck":
        return STUCK
    if not statuses:
        # a run that was for no tenant: the host alone was started
        return DONE if result.outcome == "done" else AS_BEFORE if _is_untouched(result) else PARTIAL
    if statuses <= {"done"}:
        return DONE
    if result.outcome == "cancelled":
        return CANCELLED
    if "done" in statuses:
        return PARTIAL
    return AS_BEFORE if _is_untouched(result) else PARTIAL


def _is_untouched(result: RunResult) -> bool:
    return all(status in ("pending", "already", "failed") for status in result.states.values())


def judge_move(outcome: TenantOutcome, target: str) -> TenantOutcome:
    """The same for a tenant that was to be moved by a run of its own: it may have gone back, or was stopped.

    It was served all the time, so there is nothing to recover from.
    """
    outcome = replace(outcome, rto_s=None)
    if outcome.status != "quarantined":
        return outcome
    if outcome.code == code_of(WAITS):
        return replace(outcome, status="waiting")
    if outcome.code == code_of("UnknownError"):
        return replace(outcome, status="unknown", code="")
    served = outcome.served
    is_back = served is not None and served.is_proven and served.site != target and served.writes
    is_stuck = outcome.code == code_of("StuckError")
    return replace(outcome, status="rolled-back") if is_back and not is_stuck else outcome


def conclude_moves(outcomes: Sequence[TenantOutcome], result: RunResult | None, *, cancelled: bool) -> Ending:
    """As ``judge_all``; that none is done is as before when each of them was seen to be."""
    found = [outcome for outcome in outcomes if outcome.status != "skipped"]
    statuses = {outcome.status for outcome in found}
    if result is None or result.outcome == "unknown" or "unknown" in statuses:
        return UNKNOWN
    if statuses <= {"done"}:
        return DONE
    is_stopped = any(outcome.code == code_of(WAITS) for outcome in found)
    if cancelled or is_stopped or result.outcome == "cancelled":
        return CANCELLED
    if "done" in statuses:
        return PARTIAL
    return AS_BEFORE if statuses <= {"rolled-back", "waiting"} else STUCK
