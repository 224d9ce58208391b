"""Who needs or follows whom: names resolved, cycles named, loops paired.

A step that needs a loop over the same list needs the item's own step, else all of them; stages that loop
over the same list are paired before their steps are. Needing a step that a loop over an empty list never
made means needing what that step needs. A stage that needs another begins when all of it is done; one that
is ``after`` another, when all of it has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from drp.errors import Place
from drp.model.values import Json
from drp.runbooks.complaints import Complaints, unknown
from drp.runbooks.expand import Made
from drp.runbooks.reading import Ref
from drp.runbooks.schema import Loop, Runbook, StageDef, StepDef


@dataclass(frozen=True, slots=True)
class Edge:
    """Between definitions. ``pairs``: written at the step, so loops over one list are paired. ``soft``: only
    the other's end is waited for."""

    to: str
    place: Place
    pairs: bool
    soft: bool


class Links:
    """The needs of a runbook's steps. Complains of unknown names, double names and cycles."""

    def __init__(self, runbook: Runbook, complaints: Complaints) -> None:
        self._complaints = complaints
        self._stages = {stage.name: stage for stage in self._once(runbook.stages)}
        self._steps = {step.id: step for stage in self._stages.values() for step in stage.steps}
        self._stage_of = {step.id: stage for stage in self._stages.values() for step in stage.steps}
        self._edges: dict[str, list[Edge]] = {}
        self._made: dict[str, dict[str, list[Made]]] = {}
        self._known: dict[str, list[str]] = {}
        self._is_tangled = False
        stage_edges = {stage.name: self._stage_edges(stage) for stage in self._stages.values()}
        is_round = self._complain_of_cycle(stage_edges, "stages")
        for stage in self._stages.values():
            inherited = [] if is_round else self._from_stages(stage, stage_edges)
            for step in stage.steps:
                explicit = self._step_edges(step)
                inside = [edge for edge in explicit if self._stage_of[edge.to] is stage]
                is_led = any(not edge.soft for edge in inside)
                passed = [edge for edge in inherited if not (inside if edge.soft else is_led)]
                self._edges[step.id] = [*explicit, *passed]
        if self._complain_of_cycle(self._edges, "steps") or is_round:
            # Without an order everything counts as known, or one cycle would bring more complaints.
            self._is_tangled = True
            self._edges = {step: [] for step in self._edges}

    def is_first(self, step: StepDef) -> bool:
        """Whether this is the definition that owns its id (a double is complained of and left out)."""
        return self._steps.get(step.id) is step

    def tie(self, made: Iterable[Made]) -> None:
        """Take note of the steps that were made."""
        self._made = {}
        for each in made:
            items = self._made.setdefault(each.definition.id, {})
            items.setdefault(each.item, []).append(each)

    def needs(self, made: Made) -> tuple[frozenset[str], frozenset[str]]:
        """Ids of the steps it needs, and of those whose end it waits for."""
        found: tuple[set[str], set[str]] = (set(), set())
        for edge in self._edges[made.definition.id]:
            for target, soft in self._targets(edge, made):
                found[soft].add(target.id)
        return frozenset(found[False]), frozenset(found[True])

    def known_steps(self, made: Made) -> dict[str, Json]:
        """For ``${steps.NAME}``: the id, or the list of ids, of each step that comes before."""
        known: dict[str, Json] = {}
        for name in self.known_names(made.definition.id):
            ids: list[Json] = [found.id for found in self._paired(name, made)]
            is_looped = self._steps[name].loop is not None and not self._pairs(name, made)
            is_many = self._stage_of[name].loop is not None and not self._shares_item(name, made)
            known[name] = ids if is_looped or is_many or not ids else ids[0]
        return known

    def known_names(self, step: str) -> list[str]:
        """Definitions that come before: what it needs, directly or not, and whose end it waits for itself."""
        if self._is_tangled:
            return [*self._steps]
        if step not in self._known:
            soft = (edge.to for edge in self._edges[step] if edge.soft)
            self._known[step] = list(dict.fromkeys([*self._upstream(step), *soft]))
        return self._known[step]

    def upstream(self, step: str) -> list[str]:
        """Definitions that it needs, directly or not."""
        return [] if self._is_tangled else self._upstream(step)

    def edges(self, step: str) -> list[Edge]:
        """What stands before a definition."""
        return self._edges[step]

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
        return self._read_edges(stage, "stage", self._stages)

    def _step_edges(self, step: StepDef) -> list[Edge]:
        return self._read_edges(step, "step", self._steps)

    def _read_edges(self, it: StageDef | StepDef, what: str, names: Mapping[str, object]) -> list[Edge]:
        pairs = what == "step"
        needs = [Edge(ref.name, ref.place, pairs, False) for ref in self._kept(it.needs, what, names)]
        after = [Edge(ref.name, ref.place, pairs, True) for ref in self._kept(it.after, what, names)]
        return [*needs, *after]

    def _kept(self, refs: Sequence[Ref], what: str, names: Mapping[str, object]) -> list[Ref]:
        for ref in refs:
            if ref.name not in names:
                self._complaints.add(ref.place, unknown(what, ref.name, names))
        return [ref for ref in refs if ref.name in names]

    def _from_stages(self, stage: StageDef, stage_edges: Mapping[str, list[Edge]]) -> list[Edge]:
        """Edges to the last steps of the stages it needs; a stage without steps passes on what it needs."""
        found: list[Edge] = []
        for edge in stage_edges[stage.name]:
            needed = self._stages[edge.to]
            within = {ref.name for step in needed.steps for ref in step.needs}
            if edge.soft:
                within |= {ref.name for step in needed.steps for ref in step.after}
            last = [step.id for step in needed.steps if step.id not in within]
            found.extend(Edge(step, edge.place, False, edge.soft) for step in last)
            further = [] if needed.steps else self._from_stages(needed, stage_edges)
            found.extend(replace(each, soft=each.soft or edge.soft) for each in further)
        return found

    def _complain_of_cycle(self, edges: Mapping[str, list[Edge]], what: str) -> bool:
        cycle = find_cycle(list(edges), lambda name: [edge.to for edge in edges[name]])
        if not cycle:
            return False
        path = [
            next(edge for edge in edges[name] if edge.to == following) for name, following in pairwise(cycle)
        ]
        verb = "wait for" if any(edge.soft for edge in path) else "need"
        self._complaints.add(path[0].place, f"{what} {verb} each other: {' → '.join(cycle)}")
        return True

    # -- from definitions to steps

    def _targets(self, edge: Edge, made: Made) -> Iterator[tuple[Made, bool]]:
        found = self._paired(edge.to, made) if edge.pairs else self._candidates(edge.to, made)
        yield from ((target, edge.soft) for target in found)
        for further in [] if found else self._edges[edge.to]:
            for target, soft in self._targets(further, made):
                yield target, soft or edge.soft

    def _paired(self, name: str, made: Made) -> list[Made]:
        candidates = self._candidates(name, made)
        if self._pairs(name, made):
            return [other for other in candidates if other.label == made.label]
        return candidates

    def _candidates(self, name: str, made: Made) -> list[Made]:
        """Steps of that definition: those for the same item where both stages loop over the same list."""
        items = self._made.get(name, {})
        if self._shares_item(name, made):
            return items.get(made.item, [])
        return [each for found in items.values() for each in found]

    def _shares_item(self, name: str, made: Made) -> bool:
        return _is_same_list(made.stage.loop, self._stage_of[name].loop)

    def _pairs(self, name: str, made: Made) -> bool:
        if not _is_same_list(made.definition.loop, self._steps[name].loop):
            return False
        items = self._made.get(name, {})
        groups = [items.get(made.item, [])] if self._shares_item(name, made) else items.values()
        here = [each.label for each in self._made[made.definition.id][made.item]]
        return all(here == [each.label for each in group] for group in groups)

    def _upstream(self, step: str) -> list[str]:
        seen: dict[str, None] = {}
        open_ = [edge.to for edge in self._edges[step] if not edge.soft]
        while open_:
            name = open_.pop()
            if name not in seen:
                seen[name] = None
                open_.extend(edge.to for edge in self._edges[name] if not edge.soft)
        return list(seen)


def _is_same_list(one: Loop | None, other: Loop | None) -> bool:
    return one is not None and other is not None and one.source == other.source


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
