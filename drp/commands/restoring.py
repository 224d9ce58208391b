"""Have the whole journal of a run here before it is taken up again."""

from __future__ import annotations

from drp.commands.assignment import header_of
from drp.commands.desk import Desk, Workshop
from drp.commands.doubts import draft_doubts
from drp.commands.events import WarningEvent
from drp.commands.journals import Memory, restore
from drp.commands.review import look
from drp.commands.runs import StateFolder
from drp.engine.fold import RunState
from drp.engine.journal import Stamp


def restore_here(desk: Desk, workshop: Workshop, state: RunState, memory: Memory, *, number: int) -> None:
    """Repair it; what may be missing of it is recorded as doubtful. ``number``: the lease's."""
    run = state.plan.run
    perform = workshop.performer(run, number)
    seen = header_of(memory.records).get("seen")
    drafts = (
        draft_doubts(
            state,
            seen if isinstance(seen, dict) else {},  # type: ignore[arg-type]
            lambda step, outputs: look(perform, step, outputs),
        )
        if memory.may_lack
        else []
    )
    stamp = Stamp(time=desk.clock.now(), actor=desk.operator, epoch=number)
    kept = restore(StateFolder(desk.state).journal(run), memory, drafts=drafts, stamp=stamp)
    if kept is not None:
        text = f"{memory.damage}: rebuilt from the witness, the old file is '{kept}'"
        desk.emit(WarningEvent(code="journal", text=text))
    if drafts:
        text = f"the last second of {run} may be missing: {len(drafts) // 2} steps are taken as begun"
        desk.emit(WarningEvent(code="journal", text=text))
