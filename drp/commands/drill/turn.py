"""A turn at a drill: whatever became of it, its bubbles are gone at its end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Final

from drp.actions.bubbles import find_remains
from drp.commands.drill.sweep import burst_all
from drp.commands.endings import AS_BEFORE, CANCELLED, DONE, FINDINGS, PARTIAL, REFUSED, Ending
from drp.commands.events import WarningEvent
from drp.commands.fleet.execution import FleetTurn
from drp.commands.fleet.results import FleetReport, TenantOutcome
from drp.commands.reporting import Stand
from drp.commands.runs import tail_of
from drp.engine.journal import Record
from drp.engine.sqlite_journal import SqliteJournal
from drp.errors import DrpError
from drp.model.names import Instance
from drp.model.values import JsonMap, render_list
from drp.witness.proofs import Proof, ProofReader

VERB: Final = "drill"
LEASE_SUFFIX: Final = ".drill"
"""Of the name of a tenant's lease for drills. It is not the tenant's own: backups and moves go on."""


class DrillTurn(FleetTurn):
    """It is judged by the proofs that it left, and by looking what is left of its bubbles."""

    closing: ClassVar[tuple[Ending, ...]] = (DONE, AS_BEFORE, REFUSED, FINDINGS, CANCELLED)
    again: ClassVar[bool] = False
    """What failed stays so: its bubble is gone, and a new drill is cheap."""

    def _report(self, stand: Stand, journal: SqliteJournal) -> FleetReport:
        left = self._clean() if _has_stopped(stand) else self._left()
        report = super()._report(stand, journal)
        ending = self._end(stand, report.outcomes, left=left)
        following = f"drp resume {tail_of(report.run)}" if ending is PARTIAL else ""
        return replace(report, ending=ending, next=following)

    def _judge(self, stand: Stand, records: Sequence[Record]) -> list[TenantOutcome]:
        judged = super()._judge(stand, records)
        proofs = self._load_proofs()
        return [_with_proof(outcome, proofs.get(outcome.tenant)) for outcome in judged]

    def _load_proofs(self) -> Mapping[str, Proof]:
        reader, run = ProofReader(self._workshop.witness), self._fleet.plan.run
        try:
            found = [reader.find(tenant, run) for tenant in self._fleet.tenants]
        except DrpError as error:
            self._desk.emit(WarningEvent(code="proofs", text=error.message))
            return {}
        return {proof.tenant: proof for proof in found if proof is not None}

    def _clean(self) -> list[str]:
        """What a failed clean-up, a cancel or a power cut left; instances that could not be removed."""
        burst_all(self._desk, self._workshop, run=self._fleet.plan.run)
        return self._left()

    def _left(self) -> list[str]:
        """Instances of which something is left, by looking. A host that does not answer may hold anything."""
        return [instance for host, instance in self._places() if not self._is_gone(host, instance)]

    def _places(self) -> Iterator[tuple[str, str]]:
        """Host and instance of each bubble of the plan."""
        tenants = self._fleet.facts.get("tenants")
        for each in tenants if isinstance(tenants, list) else []:
            if isinstance(each, dict) and isinstance(target := each.get("target"), dict):
                yield str(target["host"]), str(target["instance"])

    def _is_gone(self, host: str, instance: str) -> bool:
        try:
            found = find_remains(self._workshop.ports.host(host), Instance.parse(instance))
        except DrpError as error:
            self._desk.emit(WarningEvent(code="bubble", text=error.message))
            return False
        return not found.names()

    def _end(self, stand: Stand, outcomes: Sequence[TenantOutcome], *, left: Sequence[str]) -> Ending:
        if left or not _has_stopped(stand):
            text = f"not removed: {render_list(left)}" if left else "the drill broke off"
            self._desk.emit(WarningEvent(code="bubble", text=text))
            return PARTIAL
        if stand.outcome == "cancelled":
            return CANCELLED
        proven = all(o.status == "done" for o in outcomes if o.status != "skipped")
        return DONE if proven and not self._exceeds(outcomes) else FINDINGS

    def _exceeds(self, outcomes: Sequence[TenantOutcome]) -> bool:
        """Whether something took longer, or is older, than what was promised."""
        policies = self._workshop.inventory.policies
        pairs = [(o.rto_s, policies.rto) for o in outcomes] + [(o.rpo_s, policies.rpo) for o in outcomes]
        return any(s is not None and bar is not None and s > bar.total_seconds() for s, bar in pairs)


def _has_stopped(stand: Stand) -> bool:
    """Whether nothing of the run is under way any more, and nobody else may have taken it."""
    return stand.outcome != "unknown" and not stand.has_left


def _with_proof(outcome: TenantOutcome, proof: Proof | None) -> TenantOutcome:
    if proof is None:
        is_done = outcome.status == "done"
        return replace(outcome, status="waiting", cause="it left no proof") if is_done else outcome
    figures: JsonMap = {**proof.figures, "backup": proof.backup, "place": f"{proof.site}/{proof.host}"}
    if proof.restored_s is not None:
        figures["restored_s"] = round(proof.restored_s, 3)
    status, cause = ("done", "") if proof.ok else ("quarantined", proof.reason)
    return replace(
        outcome,
        status=status,
        cause=cause,
        code="" if proof.ok else outcome.code,
        served=None,
        rto_s=proof.rto_s,
        rpo_s=proof.rpo_s,
        figures=figures,
    )
