"""Loops become steps: ``volume`` with ``for-each: target.volumes as volume`` -> ``volume/mongodb`` …"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from drp.model.values import Json, JsonMap
from drp.runbooks.complaints import Complaints
from drp.runbooks.expressions import ExpressionError, kind_of, look_up
from drp.runbooks.schema import Loop, StageDef, StepDef

LABELS: Final = ("name", "host", "role", "network")
"""The first of these fields that an item has is its label in the step's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A stage for one item of its loop (``item`` "" when it has none), with all that it may look up."""

    stage: StageDef
    item: str
    scope: JsonMap


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One step to be: its definition, the items it is for (of the stage's loop and its own; "" when there
    is none), its scope."""

    definition: StepDef
    stage: StageDef
    item: str
    label: str
    scope: JsonMap

    @property
    def id(self) -> str:
        parts = [self.definition.id]
        parts += [self.item] if self.stage.loop else []
        return "/".join([*parts, self.label] if self.definition.loop else parts)


def expand(stages: Sequence[Opened], complaints: Complaints) -> list[Made]:
    """All steps in the order in which they are written, each loop in the order of its list."""
    made: list[Made] = []
    for opened in stages:
        for definition in opened.stage.steps:
            for label, scope in go_through(definition.loop, opened.scope, complaints):
                made.append(
                    Made(
                        definition=definition,
                        stage=opened.stage,
                        item=opened.item,
                        label=label,
                        scope=scope,
                    )
                )
    return made


def go_through(loop: Loop | None, scope: JsonMap, complaints: Complaints) -> Iterator[tuple[str, JsonMap]]:
    """Label and scope of each item; without a loop once, with no label."""
    if loop is None:
        yield "", scope
        return
    if loop.name in scope:
        complaints.add(loop.place, f"loop name '{loop.name}' hides an input")
    seen: set[str] = set()
    for position, item in enumerate(_items(loop, scope, complaints), start=1):
        label = _label(item, position)
        if label in seen:
            complaints.add(loop.place, f"'{loop.source}' has two items called '{label}'")
            continue
        seen.add(label)
        yield label, {**scope, loop.name: item}


def _items(loop: Loop, scope: JsonMap, complaints: Complaints) -> list[Json]:
    try:
        found = look_up(loop.source, scope)
    except ExpressionError as error:
        complaints.add(loop.place, str(error))
        return []
    if isinstance(found, list):
        return found
    complaints.add(loop.place, f"for-each needs a list, but '{loop.source}' is {kind_of(found)}")
    return []


def _label(item: Json, position: int) -> str:
    if isinstance(item, dict):
        named = (item[key] for key in LABELS if isinstance(item.get(key), str))
        return str(next(named, position))
    return str(item) if isinstance(item, (str, int)) and not isinstance(item, bool) else str(position)
