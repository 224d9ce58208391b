"""What can be known to be wrong with a runbook before there is anything to look up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from drp.config.yaml import Node
from drp.errors import ConfigError, Place, Problem
from drp.model.plan import ActionSpec
from drp.model.values import Json, JsonMap
from drp.runbooks.binding import check_pool
from drp.runbooks.complaints import Complaints, unknown
from drp.runbooks.expressions import ExpressionError, check_path, paths_in
from drp.runbooks.links import Links
from drp.runbooks.schema import KINDS, RESERVED, Loop, Runbook, StageDef, StepDef, load_runbook
from drp.runbooks.signature import find_spec, type_params
from drp.runbooks.waves import check_waves

_FLAT: Final = {
    "text": "text",
    "count": "a number",
    "number": "a number",
    "flag": "true or false",
}
"""Kinds in which nothing can be looked up, in words."""

Scope = Mapping[str, str]
"""Names that can be looked up -> their kinds ("" where it is not known)."""


def lint(
    path: Path,
    catalogue: Mapping[str, ActionSpec],
    *,
    limits: Mapping[str, int] | None = None,
) -> list[Problem]:
    """All problems of a runbook and the stage files it uses; it is well when there is none."""
    try:
        runbook = load_runbook(path)
    except ConfigError as error:
        return error.problems
    return _Lint(runbook, catalogue, limits or {}).run()


class _Lint:
    def __init__(
        self, runbook: Runbook, catalogue: Mapping[str, ActionSpec], limits: Mapping[str, int]
    ) -> None:
        self._runbook = runbook
        self._catalogue = catalogue
        self._limits = limits
        self._complaints = Complaints()
        self._links = Links(runbook, self._complaints)
        self._specs: dict[str, ActionSpec] = {}
        self._used: set[str] = set()

    def run(self) -> list[Problem]:
        for stage in self._runbook.stages:
            scope = self._open_stage(stage)
            for step in stage.steps:
                self._check_step(step, scope)
        for stage in self._runbook.stages:
            for step in stage.steps:
                self._check_waiting(stage, step)
        check_waves(self._runbook, self._complaints)
        for name in self._runbook.inputs.keys() - self._used:
            self._complaints.add(self._runbook.places[name], f"input '{name}' is used nowhere")
        return self._complaints.all()

    # -- what a stage can look up

    def _open_stage(self, stage: StageDef) -> dict[str, str]:
        scope = dict(self._runbook.inputs)
        self._add_loop(stage.loop, scope)
        for node in stage.given.values():
            self._check_node(node, scope)
        for name, kind in stage.inputs.items():
            found = "" if name in stage.given else scope.get(name)
            self._used |= {name} - stage.given.keys()
            if found is None:
                self._complaints.add(stage.place, f"stage '{stage.name}' is given no '{name}'")
            elif found and not {*KINDS[kind]} & {*KINDS[found]}:
                message = f"input '{name}' of stage '{stage.name}' must be a {kind}, but it is a {found}"
                self._complaints.add(stage.place, message)
        # one that is missing was complained of: whoever looks it up shall not be told again
        return scope | {
            name: kind for name, kind in stage.inputs.items() if name in stage.given or name not in scope
        }

    def _add_loop(self, loop: Loop | None, scope: dict[str, str]) -> None:
        if loop is None:
            return
        if loop.name in scope:
            self._complaints.add(loop.place, f"loop name '{loop.name}' hides an input")
        try:
            self._check_path(check_path(loop.source), scope)
        except ExpressionError as error:
            self._complaints.add(loop.place, str(error))
        kind = scope.get(loop.source, "list")
        if kind and not {*KINDS[kind]} & {list}:
            message = f"for-each needs a list, but '{loop.source}' is a {kind}"
            self._complaints.add(loop.place, message)
        scope[loop.name] = ""

    # -- steps

    def _check_step(self, step: StepDef, stage_scope: Scope) -> None:
        scope = dict(stage_scope)
        self._add_loop(step.loop, scope)
        spec = find_spec(step, self._catalogue, self._complaints)
        known = self._links.known_names(step.id) if self._links.is_first(step) else []
        for node in filter(None, (step.values, step.approve)):
            self._check_node(node, scope, known)
        for name, (count, place) in step.pools.items():
            self._check_text(name, place, scope, known)
            check_pool(name, count, self._limits, place, self._complaints)
        if spec is not None:
            self._specs[step.id] = spec
            self._check_params(spec, step)

    def _check_params(self, spec: ActionSpec, step: StepDef) -> None:
        node = step.values
        if node is not None and not isinstance(node.value, dict):
            self._complaints.add(node.place, "'with' must be a map")
            return
        literals: JsonMap = {}
        for key, item in node.value.items() if node is not None and isinstance(node.value, dict) else ():
            if not any("${" in text for text, _ in _texts(item)):
                literals[key] = _plain(item)
        type_params(spec, step, literals, self._complaints)

    def _check_waiting(self, stage: StageDef, step: StepDef) -> None:
        """A question is asked before clients wait, and a cancel never leaves them waiting."""
        waits = [name for name in self._links.upstream(step.id) if self._makes_wait(name)]
        if step.approve is not None and waits:
            message = f"step '{step.id}' asks after '{waits[-1]}' has made clients wait"
            self._complaints.add(step.approve.place, message, f"Put the question at '{waits[-1]}'.")
        is_marked = any(other.approve is not None or other.final is not None for other in stage.steps)
        if self._makes_wait(step.id) and not is_marked:
            self._complaints.add(
                step.place,
                f"step '{step.id}' makes clients wait in a stage with neither a question nor a final step",
                "A cancel may stop there; put the question at this step.",
            )

    def _makes_wait(self, step: str) -> bool:
        return step in self._specs and self._specs[step].makes_wait

    # -- look-ups

    def _check_node(self, node: Node, scope: Scope, known: list[str] | None = None) -> None:
        for text, place in _texts(node):
            self._check_text(text, place, scope, known or [])

    def _check_text(self, text: str, place: Place, scope: Scope, known: list[str]) -> None:
        try:
            for path in paths_in(text):
                self._check_path(path, scope, known)
        except ExpressionError as error:
            hint = (
                "A step knows the steps it needs, directly or not." if f"'{RESERVED}." in str(error) else ""
            )
            self._complaints.add(place, str(error), hint)

    def _check_path(self, path: str, scope: Scope, known: list[str] | None = None) -> None:
        root, _, rest = path.partition(".")
        first = rest.partition(".")[0]
        if root == RESERVED and known is not None:
            if first and first not in known:
                raise ExpressionError(
                    unknown("name", f"{RESERVED}.{first}", (f"{RESERVED}.{each}" for each in known))
                )
            return
        if root not in scope:
            raise ExpressionError(unknown("name", root, scope))
        self._used.add(root)
        kind = scope[root]
        if rest and kind in _FLAT:
            raise ExpressionError(f"cannot find '{root}.{first}': '{root}' is {_FLAT[kind]}")
        if rest and kind == "list" and not first.isdecimal():
            raise ExpressionError(f"cannot find '{root}.{first}': '{root}' is a list, a number picks from it")


def _texts(node: Node) -> Iterator[tuple[str, Place]]:
    """Every scalar below a node, with its place."""
    match node.value:
        case str(text):
            yield text, node.place
        case dict(items):
            for item in items.values():
                yield from _texts(item)
        case list(items):
            for item in items:
                yield from _texts(item)


def _plain(node: Node) -> Json:
    match node.value:
        case str(text):
            return text
        case dict(items):
            return {key: _plain(item) for key, item in items.items()}
        case list(items):
            return [_plain(item) for item in items]
