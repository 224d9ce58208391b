"""Waves: the items of a looped stage begin one group after the other, each through a gate.

``waves: {gate: STEP, until: STAGE}`` beside a looped stage. Each item's field ``wave`` names the item of the
gate's loop that it waits for; items whose wave has no gate begin at once. A gate waits until the stage
``until`` has ended for all items of the wave before, however, and needs the gate before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from drp.model.plan import Step
from drp.runbooks.complaints import Complaints, unknown
from drp.runbooks.expand import Made
from drp.runbooks.schema import Runbook, StageDef, WavesDef


def check_waves(runbook: Runbook, complaints: Complaints) -> None:
    """Complains of waves that cannot be made."""
    stages = {stage.name: stage for stage in runbook.stages}
    steps = {step.id: step for stage in runbook.stages for step in stage.steps}
    for stage in runbook.stages:
        if (waves := stage.waves) is None:
            continue
        if stage.loop is None:
            complaints.add(stage.place, f"stage '{stage.name}' has waves but no for-each")
        _check_gate(waves, steps, complaints)
        last = stages.get(waves.until.name)
        if last is None:
            complaints.add(waves.until.place, unknown("stage", waves.until.name, stages))
        elif last.loop is None or stage.loop is None or last.loop.source != stage.loop.source:
            message = f"stage '{last.name}' ends the waves of '{stage.name}', but loops over another list"
            complaints.add(waves.until.place, message)


def _check_gate(waves: WavesDef, steps: Mapping[str, object], complaints: Complaints) -> None:
    gate = steps.get(waves.gate.name)
    if gate is None:
        complaints.add(waves.gate.place, unknown("step", waves.gate.name, steps))
    elif getattr(gate, "loop", None) is None:
        complaints.add(waves.gate.place, f"step '{waves.gate.name}' is a gate of waves but has no for-each")


def divide(stages: Iterable[StageDef], made: Sequence[Made], steps: Sequence[Step]) -> list[Step]:
    """The steps (one for each of ``made``, in its order) with what waves add to their needs."""
    found = {step.id: step for step in steps}
    for stage in stages:
        if stage.waves is not None and stage.loop is not None:
            _divide(stage, stage.waves, made, found)
    return [found[step.id] for step in steps]


def _divide(stage: StageDef, waves: WavesDef, made: Sequence[Made], found: dict[str, Step]) -> None:
    gates = [each for each in made if each.definition.id == waves.gate.name]
    numbers = {gate.label: number for number, gate in enumerate(gates, start=1)}
    mine = [each for each in made if each.stage is stage]
    wave_of = {each.item: numbers.get(_wave(each), 0) for each in mine}
    inside: dict[str, set[str]] = {}
    for each in mine:
        inside.setdefault(each.item, set()).add(each.id)
    for each in mine:
        number, step = wave_of[each.item], found[each.id]
        if number and not step.needs & inside[each.item]:
            found[step.id] = replace(step, needs=step.needs | {gates[number - 1].id})
    for number, gate in enumerate(gates):
        last = [each for each in made if each.stage.name == waves.until.name]
        before = {each.id for each in last if wave_of.get(each.item) == number}
        step = found[gate.id]
        earlier = {gates[number - 1].id} if number else set()
        found[gate.id] = replace(step, needs=step.needs | earlier, after=step.after | before)


def _wave(made: Made) -> str:
    item = made.scope.get(made.stage.loop.name) if made.stage.loop else None
    return str(item.get("wave", "")) if isinstance(item, dict) else ""
