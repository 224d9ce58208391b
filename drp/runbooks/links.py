"""Who needs whom: names resolved, cycles named, loops paired.

A step that needs a loop over the same list needs the item's own step, else all of them. Needing a
step that a loop over an empty list never made means needing what that step needs. A stage that needs
another begins when all of it is done.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from drp.errors import Place
from drp.model.values import Json
from drp.runbooks.complaints import Complaints, unknown
from drp.runbooks.expand import Made
from drp.runbooks.reading import Ref
from drp.runbooks.schema import Runbook, StageDef, StepDef


@dataclass(frozen=True, slots=True)
class Edge:
    """A need between definitions. ``pairs``: written at the step, so loops over one list are paired."""

    to: str
    place: Place
    pairs: bool


class Links:
    """The needs of a runbook's steps. Complains of unknown names, double names and cycles."""

    def __init__(self, runbook: Runbook, complaints: Complaints) -> None:
        self._complaints = complaints
        self._stages = {stage.name: stage for stage in self._once(runbook.stages)}
        self._steps = {step.id: step for stage in self._stages.values() for step in stage.steps}
        self._edges: dict[str, list[Edge]] = {}
        self._made: dict[str, list[Made]] = {}
        self._is_tangled = False
        stage_edges = {stage.name: self._stage_edges(stage) for stage in self._stages.values()}
        is_round = self._complain_of_cycle(stage_edges, "stages")
        for stage in self._stages.values():
            for step in stage.steps:
                explicit = self._step_edges(step)
                self._edges[step.id] = explicit
                if not is_round and not any(self._is_in(stage, edge.to) for edge in explicit):
                    self._edges[step.id] = [*explicit, *self._from_stages(stage, stage_edges)]
        if self._complain_of_cycle(self._edges, "steps") or is_round:
            # Without an order everything counts as known, or one cycle would bring more complaints.
            self._is_tangled = True
            self._edges = {step: [] for step in self._edges}

    def is_first(self, step: StepDef) -> bool:
        """Whether this is the definition that owns its id (a double is complained of and left out)."""
        return self._steps.get(step.id) is step

    def tie(self, made: Iterable[Made]) -> None:
        """Take note of the steps that were made."""
        grouped: dict[str, list[Made]] = defaultdict(list)
        for each in made:
            grouped[each.definition.id].append(each)
        self._made = dict(grouped)

    def needs(self, made: Made) -> frozenset[str]:
        """Ids of the steps it needs."""
        edges = self._edges[made.definition.id]
        return frozenset(found.id for edge in edges for found in self._targets(edge, made))

    def known_steps(self, made: Made) -> dict[str, Json]:
        """For ``${steps.NAME}``: the id, or the list of ids, of each step that comes before."""
        known: dict[str, Json] = {}
        for name in self._steps if self._is_tangled else self._upstream(made.definition.id):
            ids: list[Json] = [found.id for found in self._paired(name, made)]
            is_one = self._steps[name].loop is None or self._pairs(name, made)
            known[name] = ids[0] if is_one and ids else ids
        return known

    # -- edges between definitions

    def _once(self, stages: Sequence[StageDef]) -> list[StageDef]:
        seen: dict[str, str] = {}
        names: set[str] = set()
        kept: list[StageDef] = []
        for stage in stages:
            if stage.name in names:
                self._complaints.add(stage.place, f"stage '{stage.name}' is here twice")
                continue
            names.add(stage.name)
            kept.append(stage)
            for step in stage.steps:
                if step.id in seen:
                    message = f"step '{step.id}' exists already, in stage '{seen[step.id]}'"
                    self._complaints.add(step.place, message)
                seen.setdefault(step.id, stage.name)
        return kept

    def _stage_edges(self, stage: StageDef) -> list[Edge]:
        return [Edge(ref.name, ref.place, False) for ref in self._known(stage.needs, "stage", self._stages)]

    def _step_edges(self, step: StepDef) -> list[Edge]:
        return [Edge(ref.name, ref.place, True) for ref in self._known(step.needs, "step", self._steps)]

    def _known(self, refs: Sequence[Ref], what: str, names: Mapping[str, object]) -> list[Ref]:
        for ref in refs:
            if ref.name not in names:
                self._complaints.add(ref.place, unknown(what, ref.name, names))
        return [ref for ref in refs if ref.name in names]

    @staticmethod
    def _is_in(stage: StageDef, step: str) -> bool:
        return any(other.id == step for other in stage.steps)

    def _from_stages(self, stage: StageDef, stage_edges: Mapping[str, list[Edge]]) -> list[Edge]:
        """Edges to the last steps of the stages it needs; a stage without steps passes on what it needs."""
        found: list[Edge] = []
        for edge in stage_edges[stage.name]:
            needed = self._stages[edge.to]
            within = {ref.name for step in needed.steps for ref in step.needs}
            last = [step.id for step in needed.steps if step.id not in within]
            found.extend(Edge(step, edge.place, False) for step in last)
            found.extend([] if needed.steps else self._from_stages(needed, stage_edges))
        return found

    def _complain_of_cycle(self, edges: Mapping[str, list[Edge]], what: str) -> bool:
        cycle = find_cycle(list(edges), lambda name: [edge.to for edge in edges[name]])
        if not cycle:
            return False
        place = next(edge.place for edge in edges[cycle[0]] if edge.to == cycle[1])
        self._complaints.add(place, f"{what} need each other: {' → '.join(cycle)}")
        return True

    # -- from definitions to steps

    def _targets(self, edge: Edge, made: Made) -> list[Made]:
        found = self._paired(edge.to, made) if edge.pairs else self._made.get(edge.to, [])
        if found:
            return found
        return [target for further in self._edges[edge.to] for target in self._targets(further, made)]

    def _paired(self, name: str, made: Made) -> list[Made]:
        candidates = self._made.get(name, [])
        if self._pairs(name, made):
            return [other for other in candidates if other.label == made.label]
        return candidates

    def _pairs(self, name: str, made: Made) -> bool:
        mine, other = made.definition.loop, self._steps[name].loop
        if mine is None or other is None or mine.source != other.source:
            return False
        here = [each.label for each in self._made.get(made.definition.id, [])]
        return here == [each.label for each in self._made.get(name, [])]

    def _upstream(self, step: str) -> list[str]:
        seen: dict[str, None] = {}
        open_ = [edge.to for edge in self._edges[step]]
        while open_:
            name = open_.pop()
            if name not in seen:
                seen[name] = None
                open_.extend(edge.to for edge in self._edges[name])
        return list(seen)


def find_cycle(names: Sequence[str], follow: Callable[[str], Iterable[str]]) -> list[str]:
    """The first cycle met, as a path that begins and ends at its member that comes first in ``names``."""
    done: set[str] = set()
    for start in names:
        cycle = _visit(start, [], done=done, follow=follow)
        if cycle:
            first = min(cycle, key=names.index)
            turned = [*cycle[cycle.index(first) :], *cycle[: cycle.index(first)]]
            return [*turned, first]
    return []


def _visit(
    name: str, path: list[str], *, done: set[str], follow: Callable[[str], Iterable[str]]
) -> list[str]:
    if name in path:
        return path[path.index(name) :]
    if name not in done:
        for following in follow(name):
            cycle = _visit(following, [*path, name], done=done, follow=follow)
            if cycle:
                return cycle
        done.add(name)
    return []
