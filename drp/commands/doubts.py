"""What a run may have begun in the second whose records are lost.

Its journal was rebuilt from the witness, which may lack the last second. A step that began in that second
would look like one that had been there before, and a rollback would leave it behind. So every step that
can have begun is recorded as begun and in doubt; from there the engine looks at the world, as always.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from drp.commands.copying import find_weighty
from drp.engine.fold import RunState
from drp.engine.journal import Draft
from drp.engine.tasks import Failed, Outcome, Partial, Present
from drp.model.plan import Step
from drp.model.values import JsonMap

Look = Callable[[Step, Mapping[str, JsonMap]], Outcome]

ASSUMED: Final = "its record may be lost"
_MAY_HOLD: Final = frozenset({"done", "already", "running", "unsure"})


def draft_doubts(state: RunState, seen: Mapping[str, str], look: Look) -> list[Draft]:
    """Records that put each such step in doubt. ``seen``: what was seen of each step when the plan was made.

    Steps that held already then are nobody's to take back, and final ones and those that move an epoch
    are in the witness before they begin: none of them can be missing.
    """
    if state.back or state.ended is not None:
        return []
    candidates = [step for step in _reachable(state) if seen.get(step.id) == "would"]
    if not candidates:
        return []
    outputs = {name: step.outputs for name, step in state.steps.items() if step.outputs is not None}
    looked = {step.id: look(step, outputs) for step in candidates}
    there = {name for name, found in looked.items() if isinstance(found, Present | Partial)}
    closed = _not_entered(state, there)
    return [
        draft
        for step in candidates
        if step.id in there or ((step.stage, step.scope) not in closed and not _is_foreign(looked[step.id]))
        for draft in _draft(step, state.steps[step.id].attempts + 1)
    ]


def _is_foreign(seen: Outcome) -> bool:
    """Somebody else's object has the name: it must not be taken away."""
    return isinstance(seen, Failed) and seen.error == "ConflictError"


def _draft(step: Step, attempt: int) -> list[Draft]:
    reason: JsonMap = {"reason": ASSUMED}
    return [
        Draft(kind="start", step=step.id, attempt=attempt, data=reason),
        Draft(kind="lost", step=step.id, attempt=attempt, data=reason),
    ]


def _reachable(state: RunState) -> list[Step]:
    """Steps that are not recorded as begun and can have begun, or be behind one that has."""
    weighty = find_weighty(state.plan)
    passed: set[str] = set()
    found = []
    for step in state.plan.steps:
        status = state.steps[step.id].status
        can_begin = status == "pending" and step.needs <= passed and step.id not in weighty
        if can_begin or status in _MAY_HOLD:
            passed.add(step.id)
        if can_begin and not step.read_only:
            found.append(step)
    return found


def _not_entered(state: RunState, there: set[str]) -> set[tuple[str, str]]:
    """Stages (with their scopes) that are gone through once they are entered, and have not been.

    That they are is never assumed, only seen: a run that may still be cancelled must not seem past that.
    """
    marked = {(step.stage, step.scope) for step in state.plan.steps if step.final or step.approval}
    inside = [step for step in state.plan.steps if (step.stage, step.scope) in marked and not step.read_only]
    entered = {step.scope for step in inside if state.steps[step.id].begun or step.id in there}
    return {(stage, scope) for stage, scope in marked if scope not in entered}
