"""What the records say: state is a function of the journal alone.

The scheduler advances the same ``RunState`` by the same arrows as ``fold`` does when a run is resumed, so
what a process believes and what its successor will read cannot differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal, Protocol, TypeAlias, cast

from drp.engine.events import Ending, Failure, ScopeEnding
from drp.engine.journal import FORMAT, JournalError, Record
from drp.engine.tasks import Failed
from drp.errors import BugError
from drp.model.plan import Plan
from drp.model.values import JsonMap

Status: TypeAlias = Literal[
    "pending", "already", "running", "done", "failed", "unsure", "undoing", "undone", "stuck"
]

ARROWS: Final[Mapping[tuple[Status, str], Status]] = {
    ("pending", "already"): "already",
    ("pending", "again"): "pending",
    ("pending", "start"): "running",
    ("pending", "failed"): "failed",
    ("running", "done"): "done",
    ("running", "again"): "unsure",
    ("running", "lost"): "unsure",
    ("running", "failed"): "failed",
    ("unsure", "done"): "done",
    ("unsure", "again"): "unsure",
    ("unsure", "start"): "running",
    ("unsure", "failed"): "failed",
    ("unsure", "undo"): "undoing",
    ("failed", "reset"): "pending",
    ("failed", "reopen"): "unsure",
    ("failed", "undo"): "undoing",
    ("done", "undo"): "undoing",
    ("undoing", "undo"): "undoing",
    ("undoing", "undo-again"): "undoing",
    ("undoing", "undone"): "undone",
    ("undoing", "stuck"): "stuck",
    ("stuck", "undo"): "undoing",
}
"""(state, kind of record) -> next state; the table in README.md is the same one."""

FAILURES: Final = frozenset({"again", "failed", "undo-again", "stuck"})
"""Kinds whose data hold a ``Failed``."""


class Entry(Protocol):
    """A draft or a record: whatever says what has happened."""

    @property
    def kind(self) -> str: ...
    @property
    def step(self) -> str: ...
    @property
    def attempt(self) -> int: ...
    @property
    def data(self) -> JsonMap: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StepState:
    """One step. ``begun``: a START of this run is recorded; ``attempts`` is the number of the last attempt
    recorded, ``failures`` how many of them failed (both again for undoing)."""

    status: Status = "pending"
    begun: bool = False
    attempts: int = 0
    failures: int = 0
    undo_attempts: int = 0
    undo_failures: int = 0
    outputs: JsonMap | None = None
    failure: Failed | None = None

    @property
    def holds(self) -> bool:
        """Whether what the step promises is there: its dependents may begin."""
        return self.status in ("done", "already")


@dataclass(slots=True, kw_only=True)
class RunState:
    """A whole run; advanced by one thread only.

    ``final_scopes``: scopes of which a final step has begun, or was found done. ``failures``: the first
    failure of each scope that has one. ``only``: the scopes this session is limited to (None: all).
    """

    plan: Plan
    steps: dict[str, StepState]
    back: bool = False
    final_scopes: set[str] = field(default_factory=set)
    cancelling: bool = False
    answers: dict[str, str] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)
    only: frozenset[str] | None = None
    ended: Ending | None = None
    stage_of: Mapping[str, str]
    scope_of: Mapping[str, str]
    finals: frozenset[str]

    @classmethod
    def of(cls, plan: Plan) -> RunState:
        """The state before anything has happened."""
        return cls(
            plan=plan,
            steps={step.id: StepState() for step in plan.steps},
            stage_of={step.id: step.stage for step in plan.steps},
            scope_of={step.id: step.scope for step in plan.steps},
            finals=frozenset(step.id for step in plan.steps if step.final),
        )

    @property
    def past_final(self) -> bool:
        """Whether there is no way back: a final step of some scope has begun, or was found done."""
        return bool(self.final_scopes)

    @property
    def failure(self) -> Failure | None:
        """The first failure that stands."""
        return next(iter(self.failures.values()), None)

    def doubted_scopes(self) -> set[str]:
        """Scopes of which a final step has begun and does not hold, as far as is known."""
        steps = self.steps
        return {self.scope_of[id_] for id_ in self.finals if steps[id_].begun and not steps[id_].holds}

    def is_halted(self, scope: str) -> bool:
        """Whether a failure keeps the steps of that scope from beginning, by the plan's policy."""
        match self.plan.on_failure:
            case "continue":
                return False
            case "quarantine":
                return scope in self.failures and scope not in self.final_scopes
            case _:
                return bool(self.failures) and not self.past_final

    def advance(self, entry: Entry) -> None:
        """Take one more entry into account. Raises BugError for one that cannot follow."""
        if not entry.step or entry.kind == "answer":
            self._advance_run(entry)
            return
        before = self.steps.get(entry.step)
        status = ARROWS.get((before.status, entry.kind)) if before else None
        if before is None or status is None:
            was = before.status if before else "not in the plan"
            raise BugError(f"cannot record '{entry.kind}' of step '{entry.step}': it is {was}")
        self.steps[entry.step] = _advance_step(before, entry, status)
        scope = self.scope_of[entry.step]
        if entry.step in self.finals and entry.kind in ("start", "already"):
            self.final_scopes.add(scope)
        if entry.kind == "failed" and scope not in self.failures:
            cause = Failed.from_json(_failure_data(entry.data))
            stage = self.stage_of[entry.step]
            self.failures[scope] = Failure(
                step=entry.step, stage=stage, scope=scope, attempt=entry.attempt, cause=cause
            )
        elif entry.kind in ("reset", "reopen"):
            self.failures.pop(scope, None)

    def _advance_run(self, entry: Entry) -> None:
        match entry.kind:
            case "resumed":
                self.ended, self.cancelling = None, False
                only = entry.data.get("only")
                self.only = frozenset(str(scope) for scope in only) if isinstance(only, list) else None
            case "answer":
                self.answers[entry.step] = str(entry.data["answer"])
            case "cancel":
                self.cancelling = True
            case "turn":
                self.back = True
            case "ended":
                self.ended, self.only = cast(Ending, entry.data["outcome"]), None
            case "judged":
                pass  # for people: what was seen when the run had ended
            case _:
                raise BugError(f"cannot record '{entry.kind}': no such kind of record")


def fold(records: Iterable[Record]) -> RunState:
    """The state after all these records. Raises JournalError when they are not one run's whole story."""
    rest = iter(records)
    first = next(rest, None)
    if first is None or first.kind != "plan":
        raise JournalError("cannot read the run: its journal does not begin with a plan")
    state = RunState.of(_plan_of(first))
    for record in rest:
        try:
            state.advance(record)
        except (BugError, KeyError, TypeError) as error:
            raise JournalError(f"cannot follow record {record.seq} of '{state.plan.run}': {error}") from error
    return state


def endings(state: RunState) -> dict[str, ScopeEnding]:
    """How each scope stands when its run has ended, in plan order."""
    found: dict[str, set[Status]] = {}
    for step in state.plan.steps:
        found.setdefault(step.scope, set()).add(state.steps[step.id].status)
    doubted = state.doubted_scopes()
    return {scope: _ending(state, scope, found[scope], is_doubted=scope in doubted) for scope in found}


def _ending(state: RunState, scope: str, statuses: set[Status], *, is_doubted: bool) -> ScopeEnding:
    if state.back:
        return "stuck" if "stuck" in statuses else "undone"
    if is_doubted:
        return "unknown"
    if scope in state.failures:
        return "failed"
    return "done" if statuses <= {"done", "already"} else "unfinished"


class StageSpans:
    """Length of each stage that began, in seconds of wall time: from its first record to its last."""

    def __init__(self, stage_of: Mapping[str, str]) -> None:
        self._stage_of = stage_of
        self._spans: dict[str, tuple[datetime, datetime]] = {}

    def add(self, records: Iterable[Record]) -> None:
        for record in records:
            stage = self._stage_of.get(record.step)
            if stage is not None and record.kind != "answer":
                began, _ = self._spans.get(stage, (record.time, record.time))
                self._spans[stage] = (began, record.time)

    def seconds(self) -> dict[str, float]:
        return {stage: (ended - began).total_seconds() for stage, (began, ended) in self._spans.items()}


def _plan_of(record: Record) -> Plan:
    found = record.data.get("format")
    plan = record.data.get("plan")
    if found != FORMAT or not isinstance(plan, dict):
        hint = "Use a drp at least as new as the one that began the run."
        raise JournalError(f"cannot read the run: journal format {found}, this drp reads {FORMAT}", hint=hint)
    try:
        return Plan.from_json(plan)
    except (ValueError, KeyError, TypeError) as error:
        raise JournalError(f"cannot read the plan of the run: {error}") from error


def _advance_step(before: StepState, entry: Entry, status: Status) -> StepState:
    failed = Failed.from_json(_failure_data(entry.data)) if entry.kind in FAILURES else None
    match entry.kind:
        case "start":
            return replace(before, status=status, begun=True, attempts=entry.attempt)
        case "done" | "already":
            outputs = cast(JsonMap, entry.data["outputs"])
            attempts = max(before.attempts, entry.attempt)
            return replace(before, status=status, attempts=attempts, outputs=outputs, failure=None)
        case "again" | "failed":
            attempts, failures = max(before.attempts, entry.attempt), before.failures + 1
            return replace(before, status=status, attempts=attempts, failures=failures, failure=failed)
        case "undo":
            return replace(before, status=status, undo_attempts=entry.attempt)
        case "undo-again" | "stuck":
            failures = before.undo_failures + 1
            return replace(before, status=status, undo_failures=failures, failure=failed)
        case "reset" | "reopen":
            return replace(before, status=status, failures=0, failure=None)
    return replace(before, status=status)


def _failure_data(data: JsonMap) -> JsonMap:
    return cast(JsonMap, data["failure"])
