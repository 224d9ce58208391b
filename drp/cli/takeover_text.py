"""What was found of an interrupted run, or became of one that was cancelled, in words."""

from __future__ import annotations

from datetime import tzinfo

from drp.cli.words import count, cut, render_state, render_who
from drp.commands.results import Cancellation, Takeover
from drp.commands.runs import tail_of
from drp.model.moments import render_clock
from drp.model.values import SHOWN


def render_takeover(found: Takeover, zone: tzinfo) -> list[str]:
    """Who did it, how far it came, who serves, which ways there are."""
    way = " → ".join(end for end in (found.source, found.target) if end)
    silent = f"fell silent {render_clock(found.silent_since, zone)}, begun by {found.owner}"
    lines = [cut(f"{found.run}  {found.tenant} {way}  {silent}")]
    lines.append(f"  looked at {count(found.total, 'step')}: {_progress(found)}")
    lines += [cut(f"  in doubt   {step}: {seen}") for step, seen in [*found.doubtful.items()][:SHOWN]]
    rest = len(found.doubtful) - SHOWN
    lines += [f"  +{rest} in doubt: drp status {tail_of(found.run)}"] if rest > 0 else []
    lines.append(cut(f"  world      {found.tenant}: {render_state(found.served, zone)}"))
    lines.append(f"  way back   {_way_back(found)}")
    return lines


def render_cancellation(found: Cancellation, zone: tzinfo) -> list[str]:
    """Who serves now that the run has stopped, and which ways there are."""
    tail, mark = tail_of(found.run), "✓" if found.ending.code == 0 else "?"
    lines = [f"{mark} {found.run} of {found.owner}: {found.status} · exit {found.ending.code}"]
    lines += [f"    state  {render_who(each)}; {render_state(each, zone)}" for each in found.served[:SHOWN]]
    back = f", or back with `drp rollback {tail}`" if found.can_go_back else ""
    hint = f"    hint   Go on with `drp resume {tail}`{back}."
    return [*lines, hint] if found.status == "cancelled" else lines


def _progress(found: Takeover) -> str:
    left = found.total - found.done - len(found.doubtful)
    doubtful = f" · {len(found.doubtful)} in doubt" if found.doubtful else ""
    return f"{found.done} done{doubtful} · {left} {'not begun or undone' if found.back else 'to do'}"


def _way_back(found: Takeover) -> str:
    if found.past_final:
        return "none: the final step has begun; later a new migration"
    if found.back:
        return "taken: what was begun is undone"
    return f"automatic · back instead: drp rollback {tail_of(found.run)}"
