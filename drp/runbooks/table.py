"""A runbook as a table to read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from drp.model.plan import RetryPolicy
from drp.runbooks.outline import Outline, StageLine, StepLine
from drp.runbooks.reading import Ref
from drp.runbooks.schema import Loop

_WIDTH: Final = 100
LEGEND: Final = "? asked before the run · ! no way back after it · = only looks · + changes something"


def render_outline(found: Outline) -> list[str]:
    """A block for each stage, a line for each step."""
    runbook, steps = found.runbook, found.steps
    inputs = ", ".join(f"{name} {kind}" for name, kind in runbook.inputs.items())
    columns = (_width([step.id for step in steps], 20), _width([s.definition.do.name for s in steps], 24))
    lines = [f"{runbook.name}  when a step fails: {runbook.on_failure}"]
    lines += _wrapped("  inputs  ", inputs or "none")
    for stage in found.stages:
        lines += ["", *_stage(stage), *(line for step in stage.steps for line in _step(step, columns))]
    return [*lines, "", LEGEND]


def summary(found: Outline) -> str:
    """``5 stages, 47 steps, 1 final, 1 asked``."""
    steps = found.steps
    parts = [(len(found.stages), "stage"), (len(steps), "step")]
    text = ", ".join(f"{number} {noun}{'s' if number != 1 else ''}" for number, noun in parts)
    finals, asked = sum(step.is_final for step in steps), sum(bool(step.asks) for step in steps)
    return f"{text}, {finals} final, {asked} asked"


def _stage(stage: StageLine) -> list[str]:
    definition, waves = stage.definition, stage.definition.waves
    waits = _waits(definition.loop, definition.needs, definition.after)
    waits += f"; in waves through {waves.gate.name}, until {waves.until.name}" if waves else ""
    return _wrapped(f"{stage.name}  ", waits) or [stage.name]


def _step(step: StepLine, columns: tuple[int, int]) -> list[str]:
    definition = step.definition
    head = f"{_mark(step)} {step.id:<{columns[0]}} {definition.do.name:<{columns[1]}}"
    head += f" {render_length(definition.deadline):>4} {_retry(definition.retry):<8}  "
    waits = _waits(definition.loop, definition.needs, definition.after)
    lines = _wrapped(head, waits) or [head.rstrip()]
    more = [f"asks “{step.asks}”"] if step.asks else []
    more += [f"pool {name}: {count}" for name, (count, _) in definition.pools.items()]
    return [*lines, *(part for text in more for part in _wrapped(" " * 6, text))]


def _mark(step: StepLine) -> str:
    if step.is_final:
        return "!"
    if step.asks:
        return "?"
    return "=" if step.looks else "+"


def _retry(policy: RetryPolicy) -> str:
    return f"{policy.attempts}x {render_length(policy.wait)}" if policy.attempts > 1 else ""


def render_length(length: timedelta) -> str:
    """As it is written in a runbook: ``500ms``, ``15s``, ``2h``."""
    ms = round(length.total_seconds() * 1000)
    for size, unit in ((3_600_000, "h"), (60_000, "m"), (1000, "s")):
        if ms % size == 0:
            return f"{ms // size}{unit}"
    return f"{ms}ms"


def _waits(loop: Loop | None, needs: Sequence[Ref], after: Sequence[Ref]) -> str:
    parts = [f"each {loop.source}"] if loop is not None else []
    parts += [f"needs {', '.join(ref.name for ref in needs)}"] if needs else []
    return "; ".join([*parts, *([f"after {', '.join(ref.name for ref in after)}"] if after else [])])


def _width(texts: Sequence[str], most: int) -> int:
    return min(most, max(map(len, texts), default=0))


def _wrapped(head: str, text: str) -> list[str]:
    """The text beside its head; what does not fit goes below it."""
    lines: list[str] = []
    room = max(_WIDTH - len(head), 20)
    while text:
        cut = len(text) if len(text) <= room else max(text.rfind(" ", 0, room + 1), 1)
        lines.append((head if not lines else " " * len(head)) + text[:cut].rstrip())
        text = text[cut:].lstrip()
    return lines
