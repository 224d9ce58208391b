"""What a run measured, taken from the outputs of its steps: nothing here is worked out from hope."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from drp.model.plan import Plan
from drp.model.values import JsonMap

Outputs = Mapping[str, JsonMap]


def collect_figures(plan: Plan, outputs: Outputs) -> JsonMap:
    """``freeze_ms`` from first hold to last release, ``content`` compared, ``dns`` answers by server."""
    figures: JsonMap = {}
    freeze = _find_freeze(plan, outputs)
    if freeze is not None:
        figures["freeze_ms"] = freeze
    for content in _of(plan, outputs, "content.equal"):
        figures["content"] = content
    for answer in _of(plan, outputs, "dns.agreed"):
        figures["dns"] = answer.get("servers", {})
    return figures


def _of(plan: Plan, outputs: Outputs, action: str) -> Iterator[JsonMap]:
    """Outputs of the steps of that action that are done, in plan order."""
    return (outputs[step.id] for step in plan.steps if step.action == action and step.id in outputs)


def _find_freeze(plan: Plan, outputs: Outputs) -> int | None:
    """Milliseconds, or None unless both ends were recorded."""
    held = _moments(plan, outputs, "edge.hold", "held_at")
    released = _moments(plan, outputs, "edge.release", "released_at")
    if not held or not released:
        return None
    return round((max(released) - min(held)).total_seconds() * 1000)


def _moments(plan: Plan, outputs: Outputs, action: str, key: str) -> list[datetime]:
    texts = (found.get(key) for found in _of(plan, outputs, action))
    return [datetime.fromisoformat(text) for text in texts if isinstance(text, str)]
