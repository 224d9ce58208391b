"""A turn at a run over many tenants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from drp.actions.backups import CheckBackup
from drp.actions.fleet import losses, restores
from drp.commands.desk import Desk, Workshop
from drp.commands.endings import AS_BEFORE, DONE, PARTIAL, REFUSED, Ending
from drp.commands.events import RunEvent, WorldEvent
from drp.commands.execution import Turn
from drp.commands.fleet.leases import HeldLeases
from drp.commands.fleet.results import FleetReport, TenantOutcome
from drp.commands.fleet.verdicts import PROTECT, Evidence, find_gaps, judge_all, judge_tenant
from drp.commands.narration import Narrator
from drp.commands.reporting import Stand, tell_trouble
from drp.commands.results import Served
from drp.commands.runs import tail_of
from drp.commands.serving import find_all_served
from drp.engine.fold import fold
from drp.engine.journal import Record
from drp.engine.sqlite_journal import SqliteJournal
from drp.model.plan import Plan
from drp.model.values import JsonMap


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetWork:
    """``tenants`` are those of the plan, ``skipped`` maps the others that were asked for to why not.

    ``expected``: the site that shall serve them at the end, "" when that does not change. ``facts``: what the
    plan was made from.
    """

    plan: Plan
    verb: str
    source: str
    target: str
    expected: str
    tenants: tuple[str, ...]
    skipped: Mapping[str, str]
    facts: JsonMap
    began: datetime
    answers: Mapping[str, str] = field(default_factory=dict)
    back: bool = False
    header: JsonMap = field(default_factory=dict)


class FleetTurn(Turn[FleetReport]):
    """One process's turn; ``only``: take up these tenants again and leave the others as they are."""

    def __init__(
        self,
        desk: Desk,
        workshop: Workshop,
        held: HeldLeases,
        *,
        work: FleetWork,
        only: frozenset[str] | None = None,
    ) -> None:
        super().__init__(desk, workshop, held, work, only=only)
        self._fleet = work

    def _sink(self) -> Narrator:
        work = self._fleet
        return Narrator(
            self._desk.emit, work.plan, verb=work.verb, source=work.source, target=work.target, before=None
        )

    def _describe(self) -> JsonMap:
        work = self._fleet
        return {
            "from": work.source,
            "to": work.target,
            "expected": work.expected,
            "tenants": [*work.tenants],
            "skipped": dict(work.skipped),
        }

    def _measure(self, report: FleetReport) -> JsonMap:
        """What each tenant took and may have lost."""
        return {"tenants": [outcome.to_json() for outcome in report.outcomes]}

    def _report(self, stand: Stand, journal: SqliteJournal) -> FleetReport:
        work, now = self._fleet, self._desk.clock.now()
        judged = self._judge(stand, [*journal.read()])
        gaps = find_gaps(work.facts, stand.result.failures if stand.result else {})
        ending = self._conclude(judged, stand)
        ending = PARTIAL if gaps and ending == DONE else ending
        skipped = [
            TenantOutcome(tenant=name, status="skipped", cause=reason)
            for name, reason in work.skipped.items()
        ]
        outcomes = [*judged, *skipped]
        return FleetReport(
            ending=ending,
            run=work.plan.run,
            verb=work.verb,
            source=work.source,
            target=work.target,
            began=work.began,
            seconds=(now - work.began).total_seconds(),
            stages=stand.result.seconds if stand.result else {},
            outcomes=tuple(outcomes),
            error=None if stand.trouble is None else tell_trouble(stand.trouble),
            next=self._next(ending.word, outcomes),
            policies=self._workshop.inventory.policies,
            gaps=gaps,
        )

    def _conclude(self, outcomes: Sequence[TenantOutcome], stand: Stand) -> Ending:
        return judge_all(outcomes, stand.result)

    def _judge(self, stand: Stand, records: Sequence[Record]) -> list[TenantOutcome]:
        """Each tenant of the plan; times count from the begin of the run, whoever took it up since."""
        work = self._fleet
        evidence = Evidence(
            result=stand.result,
            served={} if stand.has_left else self._look(),
            expected=work.expected,
            began=records[0].time if records else work.began,
            opened=self._find_opened(records),
        )
        lost = losses(work.facts, evidence.began) if work.verb == "failover" else {}
        held, restored = self._find_held(records), restores(work.facts) if lost else {}
        return [
            replace(
                judge_tenant(tenant, evidence),
                rpo_s=lost.get(tenant),
                restored=restored.get(tenant, {}),
                figures=held.get(tenant, {}),
            )
            for tenant in work.tenants
        ]

    def _find_opened(self, records: Sequence[Record]) -> dict[str, datetime]:
        """Tenant -> when the last of its steps was done that is not for its protection."""
        scopes = {step.id: step.scope for step in self._fleet.plan.steps if step.stage != PROTECT}
        done = [each for each in records if each.kind in ("done", "already")]
        return {scope: each.time for each in done if (scope := scopes.get(each.step))}

    def _find_held(self, records: Sequence[Record]) -> dict[str, JsonMap]:
        """Tenant -> the backup that was taken of it, as it was read again."""
        steps = fold(records).steps
        return {
            step.scope: {key: value for key, value in outputs.items() if key != "began"}
            for step in self._fleet.plan.steps
            if step.action == CheckBackup.name and (outputs := steps[step.id].outputs) is not None
        }

    def _look(self) -> dict[str, Served]:
        inventory = self._workshop.inventory
        return find_all_served(
            self._workshop.ports, [inventory.tenants[name] for name in self._fleet.tenants]
        )

    def _next(self, word: str, outcomes: Sequence[TenantOutcome]) -> str:
        if word in (DONE.word, AS_BEFORE.word, REFUSED.word):
            return ""
        tail = tail_of(self._fleet.plan.run)
        is_stopped = any(outcome.status == "waiting" for outcome in outcomes)
        is_retried = word == PARTIAL.word and not is_stopped
        return f"drp retry {tail} --failed" if is_retried else f"drp resume {tail}"

    def _tell_end(self, report: FleetReport) -> None:
        for outcome in report.outcomes:
            if outcome.served is not None:
                served = outcome.served
                self._desk.emit(
                    WorldEvent(
                        tenant=served.tenant,
                        serves=served.site,
                        writes=served.writes,
                        way_back="none",
                        probed=served.probed,
                    )
                )
        self._desk.emit(
            RunEvent(run=report.run, name=report.verb, tenant="", status=report.ending.word, reason="")
        )
