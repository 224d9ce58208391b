"""One tenant's part of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from drp.engine.fold import RunState, endings
from drp.engine.journal import Record
from drp.model.plan import Step
from drp.model.values import JsonMap
from drp.reports.comparisons import compare_steps, describe_content, find_dns, find_freeze, is_proof
from drp.reports.facts import map_of, maps_of, moment_of, number_of, text_of, texts_of
from drp.reports.model import NOT_RECORDED, Span, TenantReport
from drp.reports.spans import Spans

ASIDE: Final = ("quarantined", "rolled-back")
"""What becomes of a tenant of many that fails: it waits to be tried again, where it served before or not."""
_FINAL: Final = ("as-before", "refused", "findings")
"""Endings after which a run is closed: the order is given again."""
_AFTER: Final[dict[str, str]] = {
    "done": "unknown",
    "failed": "quarantined",
    "unknown": "unknown",
    "unfinished": "waiting",
    "undone": "rolled-back",
    "stuck": "stuck",
}
"""How the engine left a scope -> what that is called while nobody has looked who serves."""


class TenantBuilder:
    """Everything about the tenants of one run, by name."""

    def __init__(
        self, records: Sequence[Record], state: RunState, *, header: JsonMap, judged: JsonMap, spans: Spans
    ) -> None:
        self._records = records
        self._state = state
        self._spans = spans
        self._judged = judged
        self._order = map_of(header.get("order"))
        self._header = header
        self._promises = map_of(header.get("promises"))
        self._outcomes = {text_of(each.get("tenant")): each for each in self._find_outcomes()}
        self._endings = endings(state)
        self._proofs: dict[str, list[tuple[Step, JsonMap]]] = {}
        for step in state.plan.steps:
            outputs = state.steps[step.id].outputs
            if outputs is not None and state.steps[step.id].holds:
                self._proofs.setdefault(step.scope, []).append((step, outputs))

    @property
    def source(self) -> str:
        """The site that was left, or ""."""
        return text_of(self._judged.get("from")) or self._promised_site("from")

    @property
    def target(self) -> str:
        return text_of(self._order.get("site")) or self._promised_site("to")

    def _promised_site(self, way: str) -> str:
        """That of the first tenant: in an order for many it is the same for all."""
        return next(
            (text_of(map_of(each).get(way)) for each in map_of(self._promises.get("tenants")).values()), ""
        )

    def _planned_site(self, name: str, end: str) -> str:
        """``end``: source or target, as the plan's facts have it."""
        inputs = self._state.plan.inputs
        listed = (each for each in maps_of(inputs.get("tenants")) if each.get("name") == name)
        facts = inputs if self.is_single else next(listed, {})
        return text_of(map_of(facts.get(end)).get("site"))

    @property
    def predicted_s(self) -> float | None:
        return number_of(map_of(self._promises.get("predicted")).get("seconds"))

    @property
    def is_single(self) -> bool:
        return bool(self._state.plan.tenant)

    def names(self) -> tuple[str, ...]:
        """Tenants the run is for."""
        if self.is_single:
            return (self._state.plan.tenant,)
        ordered = texts_of(self._order.get("tenants"))
        return ordered or tuple(
            name
            for each in maps_of(self._state.plan.inputs.get("tenants"))
            if (name := text_of(each.get("name")))
        )

    def left_out(self) -> dict[str, str]:
        """Tenants that were asked for and did not come along, with the reason."""
        told = {name: text_of(reason) for name, reason in map_of(self._header.get("left_out")).items()}
        seen = {
            name: text_of(each.get("cause"))
            for name, each in self._outcomes.items()
            if each.get("status") == "skipped"
        }
        return {**told, **seen}

    def shared(self) -> list[tuple[Step, JsonMap]]:
        """What was done for all of them at once."""
        names = self.names()
        return (
            []
            if self.is_single
            else [pair for scope, pairs in self._proofs.items() if scope not in names for pair in pairs]
        )

    def skip(self, name: str, reason: str) -> TenantReport:
        return TenantReport(tenant=name, status="skipped", cause=reason or NOT_RECORDED)

    def build(self, name: str, *, wave: str) -> TenantReport:
        scope = "" if self.is_single else name
        promised = map_of(map_of(self._promises.get("tenants")).get(name))
        bars, outcome = map_of(self._promises.get("bars")), self._outcomes.get(name, {})
        found = self._proofs.get(scope, [])
        stages = self._spans.of(scope)
        status, code, cause = self._find_status(name, outcome)
        protection, is_bare = self._find_protection(name, status, found)
        return TenantReport(
            tenant=name,
            status=status,
            code=code,
            cause=cause,
            next=self._next(name, status),
            source=text_of(promised.get("from")) or self._planned_site(name, "source") or self.source,
            target=text_of(promised.get("to")) or self._planned_site(name, "target") or self.target,
            country=text_of(promised.get("country")),
            residency=texts_of(promised.get("residency")),
            wave=wave,
            serves=text_of(outcome.get("serves")),
            probed=moment_of(outcome.get("probed")),
            rto_s=number_of(outcome.get("rto_s")),
            rpo_s=self._find_loss(outcome, promised, found),
            rto_bar_s=number_of(bars.get("rto_s")),
            rpo_bar_s=number_of(bars.get("rpo_s")),
            freeze_s=find_freeze(found),
            freeze_bar_s=number_of(promised.get("freeze_s")),
            predicted_s=self.predicted_s if self.is_single else None,
            measured_s=_length(stages),
            stages=stages,
            comparisons=compare_steps((step, out) for step, out in found if is_proof(step, out)),
            content=describe_content(found),
            dns=find_dns(found),
            protection=protection,
            is_bare=is_bare,
        )

    def _find_outcomes(self) -> Iterator[JsonMap]:
        """As they were judged at the end: one, or a list."""
        listed = maps_of(self._judged.get("tenants"))
        if listed:
            yield from listed
        elif "tenant" in self._judged:
            yield self._judged

    def _find_status(self, name: str, outcome: JsonMap) -> tuple[str, str, str]:
        """Status, code and cause."""
        scope = "" if self.is_single else name
        failure = self._state.failures.get(scope) or self._state.failures.get("")
        cause = text_of(outcome.get("cause"))
        code = text_of(outcome.get("code"))
        if failure is not None and not cause:
            cause, code = failure.cause.message, code or failure.cause.page
        if outcome:
            return text_of(outcome.get("status")), code, cause
        if self._state.ended is None:
            return "open", code, cause
        return _AFTER.get(self._endings.get(scope, "unfinished"), "unknown"), code, cause

    def _find_loss(
        self, outcome: JsonMap, promised: JsonMap, found: Sequence[tuple[Step, JsonMap]]
    ) -> float | None:
        """Seconds of writes: none where both databases were equal while writes were held."""
        if describe_content(found).get("equal") is True:
            return 0.0
        loss = number_of(outcome.get("rpo_s"))
        return loss if loss is not None else number_of(promised.get("loss_s"))

    def _find_protection(
        self, name: str, status: str, found: Sequence[tuple[Step, JsonMap]]
    ) -> tuple[str, bool]:
        checked = [out for step, out in found if step.action == "backup.check"]
        if checked:
            documents = checked[-1].get("documents", 0)
            return f"backup {checked[-1].get('backup', '')} with {documents} documents, read again", False
        bare = name in texts_of(self._judged.get("unprotected"))
        failure = self._state.failures.get(name)
        if bare and failure is not None and status == "done":
            return f"none: {failure.cause.message}", True
        return ("none: no backup yet", True) if bare else ("", False)

    def _next(self, name: str, status: str) -> str:
        """What to type for this one."""
        tail = self._state.plan.run.rsplit("-", 1)[-1]
        if self.is_single:
            again = {"stuck": f"drp resume {tail}", "unknown": "drp status", "waiting": f"drp resume {tail}"}
            return {**again, "open": f"drp resume {tail}", "partial": f"drp resume {tail}"}.get(status, "")
        if status in ASIDE and self._judged.get("status") in _FINAL:
            verb = text_of(self._order.get("verb"))
            return f"drp {'drill run' if verb == 'drill' else verb} --tenants {name}"
        if status in ASIDE:
            return f"drp retry {tail} --tenants {name}"
        return {"waiting": f"drp resume {tail}", "open": f"drp resume {tail}", "unknown": "drp status"}.get(
            status, ""
        )


def _length(stages: Sequence[Span]) -> float | None:
    if not stages:
        return None
    began: datetime = min(span.began for span in stages)
    return round((max(span.ended for span in stages) - began).total_seconds(), 3)
