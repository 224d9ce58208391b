"""Runbook + context -> plan, in passes: open scopes, expand loops, link needs, bind values, order."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from pathlib import Path

from drp.model.plan import ActionSpec, Plan, Step
from drp.model.values import Json, JsonMap
from drp.runbooks.binding import Binder
from drp.runbooks.complaints import Complaints, unknown
from drp.runbooks.expand import Opened, expand, go_through
from drp.runbooks.expressions import kind_of
from drp.runbooks.links import Links
from drp.runbooks.schema import Runbook, StageDef, has_kind, load_runbook
from drp.runbooks.waves import check_waves, divide


def compile_runbook(
    path: Path,
    context: JsonMap,
    catalogue: Mapping[str, ActionSpec],
    *,
    run: str,
    tenant: str,
    limits: Mapping[str, int] | None = None,
) -> Plan:
    """Read a runbook and the stage files it uses; expand, bind and order its steps.

    ``context`` holds a value for each input the runbook declares; ``catalogue`` maps action names to specs;
    ``limits`` gives pools their capacity, by full name (``restores@h3``) or by what stands before the ``@``;
    a pool that is not named holds one token. Raises ConfigError with every problem, each with its place.
    """
    return compile_loaded(load_runbook(path), context, catalogue, run=run, tenant=tenant, limits=limits)


def compile_loaded(
    runbook: Runbook,
    context: JsonMap,
    catalogue: Mapping[str, ActionSpec],
    *,
    run: str,
    tenant: str,
    limits: Mapping[str, int] | None = None,
) -> Plan:
    """The same for a runbook that was read before. Raises ConfigError."""
    complaints = Complaints()
    links = Links(runbook, complaints)
    stages = _open_scopes(runbook, context, complaints)
    made = [each for each in expand(stages, complaints) if links.is_first(each.definition)]
    links.tie(made)
    binder = Binder(catalogue, links, capacities=limits or {}, complaints=complaints)
    check_waves(runbook, complaints)
    steps = divide(runbook.stages, made, [binder.bind(each) for each in made])
    complaints.check()
    ordered = _order(steps, complaints)
    complaints.check()
    return Plan(
        run=run,
        runbook=runbook.name,
        tenant=tenant,
        steps=tuple(ordered),
        inputs={name: context[name] for name in runbook.inputs},
        on_failure=runbook.on_failure,
        limits=binder.limits,
    )


def _open_scopes(runbook: Runbook, context: JsonMap, complaints: Complaints) -> list[Opened]:
    """What the expressions of each stage can look up, for each item of its loop."""
    scope: JsonMap = {}
    for name, kind in runbook.inputs.items():
        if name not in context:
            complaints.add(runbook.places[name], unknown("input", name, context))
        elif not has_kind(context[name], kind):
            found = kind_of(context[name])
            complaints.add(runbook.places[name], f"input '{name}' must be a {kind}, but it is {found}")
        scope[name] = context.get(name)
    return [
        Opened(stage=stage, item=item, scope=_stage_scope(stage, inner, complaints))
        for stage in runbook.stages
        for item, inner in go_through(stage.loop, scope, complaints)
    ]


def _stage_scope(stage: StageDef, scope: JsonMap, complaints: Complaints) -> JsonMap:
    given: dict[str, Json] = {}
    for name, node in stage.given.items():
        given[name] = Binder.fill(node, scope, complaints)
    for name, kind in stage.inputs.items():
        if name not in given and name not in scope:
            complaints.add(stage.place, f"stage '{stage.name}' is given no '{name}'")
        elif not has_kind(given.get(name, scope.get(name)), kind):
            found = kind_of(given.get(name, scope.get(name)))
            place = stage.given[name].place if name in given else stage.place
            complaints.add(
                place, f"input '{name}' of stage '{stage.name}' must be a {kind}, but it is {found}"
            )
    return {**scope, **given}


def _order(steps: Sequence[Step], complaints: Complaints) -> list[Step]:
    """Topological, and otherwise as written. Complains of waves that wait for themselves."""
    number = {step.id: place for place, step in enumerate(steps)}
    before = [step.needs | step.after for step in steps]
    blockers = [len(found) for found in before]
    blocked: list[list[int]] = [[] for _ in steps]
    for place, found in enumerate(before):
        for need in found:
            blocked[number[need]].append(place)
    free = [place for place, count in enumerate(blockers) if not count]
    ordered: list[Step] = []
    while free:
        place = heapq.heappop(free)
        ordered.append(steps[place])
        for next_place in blocked[place]:
            blockers[next_place] -= 1
            if not blockers[next_place]:
                heapq.heappush(free, next_place)
    if len(ordered) < len(steps):
        stuck = next(step for step in steps if step not in ordered)
        assert stuck.place is not None
        complaints.add(stuck.place, f"step '{stuck.id}' waits for steps that wait for it")
    return ordered
