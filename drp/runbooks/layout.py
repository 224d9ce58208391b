"""Where everything of a runbook's picture is: a box for each stage, in it a row for each depth of need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from drp.runbooks.outline import Outline, StageLine

HEIGHT: Final = 38
"""Pixels a step is high; the others are distances around it."""
_ROW: Final = 66
_GAP: Final = 18
_PAD: Final = 16
_TITLE: Final = 34
_LEFT: Final = 20
_LANE: Final = 14
_BETWEEN: Final = 30
_LETTER: Final = 7.3
_BEND: Final = 10.0
"""Width of an arrow that passes a row."""

Key = tuple[str, str]
"""A step (its id, "") or, in the rows between, an arrow (from, to)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle in pixels."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Boxes of stages and steps by name; ``ways``: the boxes that an arrow (from, to) passes through.
    ``left`` is where the stages begin, with lanes for their arrows before it."""

    stages: Mapping[str, Box]
    steps: Mapping[str, Box]
    ways: Mapping[Key, Sequence[Box]]
    left: float
    width: float
    height: float


def lay_out(found: Outline, captions: Mapping[str, Sequence[str]]) -> Layout:
    """``captions``: the lines that must fit into each step."""
    lanes = sum(len(stage.definition.needs) + len(stage.definition.after) for stage in found.stages)
    left = float(_LEFT + _LANE * (1 + lanes))
    stages: dict[str, Box] = {}
    steps: dict[str, Box] = {}
    ways: dict[Key, list[Box]] = {}
    top = 64.0
    for stage in found.stages:
        rows, before = _rows(stage)
        boxes = _place(rows, before, captions, left + _PAD, top + _TITLE)
        for (name, to), box in ((key, box) for row in boxes for key, box in row.items()):
            if to:
                ways.setdefault((name, to), []).append(box)
            else:
                steps[name] = box
        right = max((box.x + box.width for row in boxes for box in row.values()), default=left)
        room = max(right + _PAD - left, _LETTER * len(stage_caption(stage)) + 2 * _PAD)
        height = _TITLE + _ROW * len(rows) - (_ROW - HEIGHT - _PAD if rows else 0)
        stages[stage.name] = Box(x=left, y=top, width=room, height=height)
        top += height + _BETWEEN
    right = max((box.x + box.width for box in stages.values()), default=left)
    return Layout(stages=stages, steps=steps, ways=ways, left=left, width=max(right + _LEFT, 640), height=top)


def stage_caption(stage: StageLine) -> str:
    """The stage's name, and what it is repeated for."""
    loop = stage.definition.loop
    return f"{stage.name} (for each of {loop.source})" if loop is not None else stage.name


def _rows(stage: StageLine) -> tuple[list[list[Key]], dict[Key, list[Key]]]:
    """What is in each row, and what stands before each of it in the row above.

    A step's row is the longest way to it inside the stage; an arrow takes a place in each row it passes.
    """
    ids = {step.id for step in stage.steps}
    inside = {step.id: [edge.to for edge in step.edges if edge.to in ids] for step in stage.steps}
    depths: dict[str, int] = {}
    for step in stage.steps:
        _depth(step.id, inside, depths)
    rows: list[list[Key]] = [[] for _ in range(max(depths.values(), default=-1) + 1)]
    before: dict[Key, list[Key]] = {}
    for step in stage.steps:
        rows[depths[step.id]].append((step.id, ""))
        for to in inside[step.id]:
            passed = range(depths[to] + 1, depths[step.id])
            for row in passed:
                rows[row].append((to, step.id))
                before[to, step.id] = [(to, "")]
            before.setdefault((step.id, ""), []).append((to, step.id) if passed else (to, ""))
    return rows, before


def _depth(step: str, inside: Mapping[str, Sequence[str]], depths: dict[str, int]) -> int:
    if step not in depths:
        depths[step] = max((_depth(to, inside, depths) + 1 for to in inside[step]), default=0)
    return depths[step]


def _place(
    rows: Sequence[Sequence[Key]],
    before: Mapping[Key, Sequence[Key]],
    captions: Mapping[str, Sequence[str]],
    left: float,
    top: float,
) -> list[dict[Key, Box]]:
    """Each as near below what stands before it as the row has room, in that order."""
    placed: list[dict[Key, Box]] = []
    for number, row in enumerate(rows):
        above = placed[-1] if placed else {}
        wanted = {key: _wish(key, before.get(key, ()), above, left) for key in row}
        boxes: dict[Key, Box] = {}
        x = left
        for key in sorted(row, key=lambda key: wanted[key]):
            width = _BEND if key[1] else round(max(map(len, captions[key[0]])) * _LETTER + 20, 1)
            x = max(x, wanted[key] - width / 2)
            boxes[key] = Box(x=x, y=top + _ROW * number, width=width, height=HEIGHT)
            x += width + _GAP
        placed.append(boxes)
    return placed


def _wish(key: Key, before: Sequence[Key], above: Mapping[Key, Box], left: float) -> float:
    """Where its middle should be. An arrow in its second row finds itself above."""
    middles = [above[each].middle for each in (key, *before) if each in above]
    return sum(middles) / len(middles) if middles else left
