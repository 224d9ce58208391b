"""A runbook as it stands, without a world: for whoever wants to read it as a table or a picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from drp.model.plan import ActionSpec
from drp.model.values import JsonMap
from drp.runbooks.complaints import Complaints
from drp.runbooks.links import Edge, Links
from drp.runbooks.schema import Loop, Runbook, StageDef, StepDef, WavesDef, load_runbook
from drp.runbooks.signature import find_spec


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLine:
    """A step as it is written. ``edges``: what stands before it, by its stage's needs too; ``asks``: its
    question, or ""; ``looks``: it changes nothing."""

    definition: StepDef
    edges: tuple[Edge, ...]
    asks: str
    looks: bool

    @property
    def id(self) -> str:
        return self.definition.id

    @property
    def is_final(self) -> bool:
        return self.definition.final is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class StageLine:
    """A stage and its steps."""

    definition: StageDef
    steps: tuple[StepLine, ...]

    @property
    def name(self) -> str:
        return self.definition.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """A whole runbook."""

    runbook: Runbook
    stages: tuple[StageLine, ...]

    @property
    def steps(self) -> list[StepLine]:
        return [step for stage in self.stages for step in stage.steps]


def outline(path: Path, catalogue: Mapping[str, ActionSpec]) -> Outline:
    """Raises ConfigError when the runbook cannot be read, or names what does not exist."""
    runbook, complaints = load_runbook(path), Complaints()
    links = Links(runbook, complaints)
    stages = tuple(
        StageLine(
            definition=stage,
            steps=tuple(_step(step, links, catalogue, complaints) for step in stage.steps),
        )
        for stage in runbook.stages
    )
    complaints.check()
    return Outline(runbook=runbook, stages=stages)


def _step(
    step: StepDef, links: Links, catalogue: Mapping[str, ActionSpec], complaints: Complaints
) -> StepLine:
    spec = find_spec(step, catalogue, complaints)
    asks = step.approve.value if step.approve is not None else ""
    return StepLine(
        definition=step,
        edges=tuple(links.edges(step.id)),
        asks=asks if isinstance(asks, str) else "",
        looks=spec is not None and spec.read_only,
    )


def outline_json(found: Outline) -> JsonMap:
    """All of it, as JSON."""
    return {
        "runbook": found.runbook.name,
        "on_failure": found.runbook.on_failure,
        "inputs": dict(found.runbook.inputs),
        "stages": [_stage_json(stage) for stage in found.stages],
    }


def _stage_json(stage: StageLine) -> JsonMap:
    definition = stage.definition
    return {
        "stage": stage.name,
        "place": str(definition.place),
        "needs": [ref.name for ref in definition.needs],
        "after": [ref.name for ref in definition.after],
        **_loop_json(definition.loop),
        **_waves_json(definition.waves),
        "steps": [_step_json(step) for step in stage.steps],
    }


def _step_json(step: StepLine) -> JsonMap:
    definition = step.definition
    return {
        "id": step.id,
        "action": definition.do.name,
        "place": str(definition.place),
        "needs": [ref.name for ref in definition.needs],
        "after": [ref.name for ref in definition.after],
        **_loop_json(definition.loop),
        "deadline_s": definition.deadline.total_seconds(),
        "attempts": definition.retry.attempts,
        "wait_s": definition.retry.wait.total_seconds(),
        "pools": {name: count for name, (count, _) in definition.pools.items()},
        "final": step.is_final,
        "asks": step.asks,
        "looks": step.looks,
    }


def _loop_json(loop: Loop | None) -> JsonMap:
    return {"for_each": loop.source} if loop is not None else {}


def _waves_json(waves: WavesDef | None) -> JsonMap:
    return {"waves": {"gate": waves.gate.name, "until": waves.until.name}} if waves is not None else {}


def graph_json(found: Outline) -> JsonMap:
    """Nodes and edges, as JSON; kind ``after``: waits for the other's end only."""
    return {
        "runbook": found.runbook.name,
        "nodes": [
            {
                "id": step.id,
                "stage": stage.name,
                "action": step.definition.do.name,
                "final": step.is_final,
                "asks": step.asks,
                "looks": step.looks,
            }
            for stage in found.stages
            for step in stage.steps
        ],
        "edges": [
            {"from": edge.to, "to": step.id, "kind": "after" if edge.soft else "needs"}
            for step in found.steps
            for edge in step.edges
        ],
    }
