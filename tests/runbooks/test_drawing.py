"""The picture of a runbook: whole, readable, and of itself alone."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from itertools import combinations
from pathlib import Path

import pytest

from drp.actions.catalogue import action_specs
from drp.runbooks.drawing import draw
from drp.runbooks.layout import Box, lay_out
from drp.runbooks.outline import Outline, graph_json, outline
from tests.runbooks.desk import CATALOGUE, Desk

RUNBOOKS = sorted((Path(__file__).parents[2] / "runbooks").glob("*.yml"))
SVG = "{http://www.w3.org/2000/svg}"

WAVES = """
    runbook: waves
    inputs: {tenants: list}
    on-failure: quarantine
    stages:
      - stage: wave
        for-each: tenants as tenant
        steps:
          - {id: a, do: do.nothing, deadline: 1s, approve: "Move <all> & more?"}
          - {id: b, do: do.nothing, needs: [a], deadline: 1s}
          - {id: c, do: do.nothing, needs: [a, b], deadline: 1s, final: true}
      - stage: gate
        after: [wave]
        steps: [{id: gate, do: check.host, with: {host: x}, after: [c], deadline: 1s}]
    """


@pytest.fixture
def waves(desk: Desk) -> Outline:
    desk.write(WAVES)
    return outline(desk.folder / "runbook.yml", CATALOGUE)


def parsed(found: Outline) -> ET.Element:
    return ET.fromstring("\n".join(draw(found)))


def texts(root: ET.Element, tag: str) -> list[str]:
    return [element.text or "" for element in root.iter(f"{SVG}{tag}")]


@pytest.mark.parametrize("path", RUNBOOKS, ids=lambda path: path.stem)
def test_picture_is_well_formed_and_needs_nothing_else(path: Path) -> None:
    found = outline(path, action_specs())
    text = "\n".join(draw(found))

    ids = [element.get("id") for element in ET.fromstring(text).iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    assert {f"step-{step.id}" for step in found.steps} <= set(ids)
    assert not re.search(r"<script|<image|<use|href|@import|<foreignObject|on\w+=", text)
    assert set(re.findall(r"url\(([^)]*)\)", text)) <= {"#tip"}
    assert re.findall(r"https?://[^\"']*", text) == ["http://www.w3.org/2000/svg"]


@pytest.mark.parametrize("path", RUNBOOKS, ids=lambda path: path.stem)
def test_steps_lie_in_their_stage_and_on_nobody(path: Path) -> None:
    found = outline(path, action_specs())
    layout = lay_out(found, {step.id: (step.id, step.definition.do.name) for step in found.steps})

    for stage in found.stages:
        inside = [layout.steps[step.id] for step in stage.steps]
        assert all(_contains(layout.stages[stage.name], box) for box in inside)
    boxes = [*layout.steps.values(), *(box for way in layout.ways.values() for box in way)]
    assert not [pair for pair in combinations(boxes, 2) if _overlap(*pair)]
    assert not [pair for pair in combinations(layout.stages.values(), 2) if _overlap(*pair)]
    for step in found.steps:
        for edge in step.edges:
            if edge.pairs:
                assert layout.steps[edge.to].y < layout.steps[step.id].y


def _contains(outer: Box, inner: Box) -> bool:
    return (
        outer.x <= inner.x
        and outer.y <= inner.y
        and inner.x + inner.width <= outer.x + outer.width
        and inner.y + inner.height <= outer.y + outer.height
    )


def _overlap(one: Box, other: Box) -> bool:
    beside = one.x + one.width <= other.x or other.x + other.width <= one.x
    return not (beside or one.y + one.height <= other.y or other.y + other.height <= one.y)


def test_everybody_can_read_it(waves: Outline) -> None:
    root = parsed(waves)

    assert (root.get("role"), root.get("aria-labelledby")) == ("img", "title desc")
    assert texts(root, "title")[0] == "Runbook waves: 2 stages, 4 steps, 1 final, 1 asked"
    (words,) = texts(root, "desc")
    assert words == (
        "Stage wave (for each of tenants): a does do.nothing within 1s, asked before the run; "
        "b does do.nothing within 1s, needs a; c does do.nothing within 1s, final, needs a, b. "
        "Stage gate after wave: gate does check.host within 1s, only looks, after c."
    )


def test_marks_are_words_and_not_colours_alone(waves: Outline) -> None:
    shown = texts(parsed(waves), "text")

    assert {"do.nothing · asks", "do.nothing · final", "check.host"} <= set(shown)
    assert "when a step fails: quarantine" in shown


def test_arrows_are_those_that_are_written(waves: Outline) -> None:
    arrows = [path.get("class") for path in parsed(waves).iter(f"{SVG}path") if path.get("marker-end")]

    assert sorted(arrows, key=str) == ["edge", "edge", "edge", "edge after", "edge after"]


def test_graph_as_data_has_every_edge(waves: Outline) -> None:
    assert graph_json(waves)["edges"] == [
        {"from": "a", "to": "b", "kind": "needs"},
        {"from": "a", "to": "c", "kind": "needs"},
        {"from": "b", "to": "c", "kind": "needs"},
        {"from": "c", "to": "gate", "kind": "after"},
        {"from": "c", "to": "gate", "kind": "after"},
    ]
