"""What was found of an interrupted run, in words."""

from __future__ import annotations

from datetime import tzinfo

from drp.cli.words import count, cut, render_clock, render_state
from drp.commands.results import Takeover
from drp.commands.runs import tail_of
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
