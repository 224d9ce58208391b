"""Values: look-ups filled in, parameters checked against their action's type, the finished step."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cache
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError

from drp.config.yaml import Node
from drp.errors import Place
from drp.model.plan import ActionSpec, Step
from drp.model.values import Json, JsonMap
from drp.runbooks.complaints import Complaints, unknown
from drp.runbooks.expand import Made
from drp.runbooks.expressions import ExpressionError, evaluate
from drp.runbooks.links import Links
from drp.runbooks.schema import RESERVED


class Binder:
    """Turns what was made into steps. ``limits`` gathers the capacity of every pool met."""

    def __init__(
        self,
        catalogue: Mapping[str, ActionSpec],
        links: Links,
        *,
        capacities: Mapping[str, int],
        complaints: Complaints,
    ) -> None:
        self._catalogue = catalogue
        self._links = links
        self._capacities = capacities
        self._complaints = complaints
        self.limits: dict[str, int] = {}

    def bind(self, made: Made) -> Step:
        """The step; it is whole only when nothing was complained of."""
        definition = made.definition
        scope: JsonMap = {**made.scope, RESERVED: self._links.known_steps(made)}
        spec = self._spec(made)
        needs, after = self._links.needs(made)
        if definition.final is not None and spec is not None and spec.read_only:
            self._complaints.add(definition.final, f"'{spec.name}' only looks: it cannot be final")
        return Step(
            id=made.id,
            action=definition.do.name,
            params=self._params(made, spec, scope),
            stage=made.stage.name,
            scope=made.item,
            needs=needs,
            after=after - needs,
            retry=definition.retry,
            deadline=definition.deadline,
            approval=self._approval(made, scope),
            final=definition.final is not None,
            pools=self._pools(made, scope),
            read_only=spec is not None and spec.read_only,
            place=definition.place,
        )

    @staticmethod
    def fill(node: Node, scope: JsonMap, complaints: Complaints) -> Json:
        """The node's value with all look-ups filled in."""
        if isinstance(node.value, dict):
            return {key: Binder.fill(item, scope, complaints) for key, item in node.value.items()}
        if isinstance(node.value, list):
            return [Binder.fill(item, scope, complaints) for item in node.value]
        return _evaluate(node.value, node.place, scope, complaints=complaints)

    def _spec(self, made: Made) -> ActionSpec | None:
        do = made.definition.do
        spec = self._catalogue.get(do.name)
        if spec is None:
            self._complaints.add(do.place, unknown("action", do.name, self._catalogue))
        return spec

    def _params(self, made: Made, spec: ActionSpec | None, scope: JsonMap) -> JsonMap:
        node = made.definition.values
        found = Complaints()
        values = Binder.fill(node, scope, found) if node is not None else {}
        self._complaints.extend(found.all())
        if spec is None or found:
            return {}
        if not isinstance(values, dict):
            place = node.place if node is not None else made.definition.place
            self._complaints.add(place, "'with' must be a map")
            return {}
        known = {field.name for field in dataclasses.fields(spec.params)}
        for key in values.keys() - known:
            place = _key_place(node, key, made.definition.place)
            self._complaints.add(place, unknown(f"parameter of '{spec.name}'", key, known))
        adapter = _adapter(spec.params)
        try:
            typed = adapter.validate_python({key: values[key] for key in values.keys() & known})
        except ValidationError as error:
            self._complain_of(error, made, spec)
            return {}
        return cast(JsonMap, adapter.dump_python(typed, mode="json"))

    def _complain_of(self, error: ValidationError, made: Made, spec: ActionSpec) -> None:
        node, fallback = made.definition.values, made.definition.place
        for found in error.errors(include_url=False, include_input=False):
            path = ".".join(str(part) for part in found["loc"])
            if found["type"] in ("missing", "missing_keyword_only_argument"):
                place = node.place if node is not None else fallback
                self._complaints.add(place, f"'{spec.name}' needs '{path}'")
            else:
                place = _value_place(node, str(found["loc"][0]), fallback)
                self._complaints.add(place, f"cannot use '{path}' for '{spec.name}': {_words(found['msg'])}")

    def _approval(self, made: Made, scope: JsonMap) -> str | None:
        node = made.definition.approve
        if node is None:
            return None
        if not isinstance(node.value, str) or not node.value:
            self._complaints.add(node.place, "'approve' must be text")
            return None
        return str(_evaluate(node.value, node.place, scope, complaints=self._complaints))

    def _pools(self, made: Made, scope: JsonMap) -> dict[str, int]:
        pools: dict[str, int] = {}
        for text, (count, place) in made.definition.pools.items():
            name = str(_evaluate(text, place, scope, complaints=self._complaints))
            capacity = self._capacities.get(name, self._capacities.get(name.partition("@")[0], 1))
            if count > capacity:
                self._complaints.add(place, f"step wants {count} of pool '{name}', which holds {capacity}")
            pools[name], self.limits[name] = count, capacity
        return pools


def _evaluate(text: str, place: Place, scope: JsonMap, *, complaints: Complaints) -> Json:
    try:
        return evaluate(text, scope)
    except ExpressionError as error:
        hint = "A step knows the steps it needs, directly or not." if f"'{RESERVED}." in str(error) else ""
        complaints.add(place, str(error), hint)
        return ""


@cache
def _adapter(params: type) -> TypeAdapter[Any]:
    return TypeAdapter(params)


def _key_place(node: Node | None, key: str, fallback: Place) -> Place:
    return fallback if node is None else node.key_places.get(key, node.place)


def _value_place(node: Node | None, key: str, fallback: Place) -> Place:
    if node is None or not isinstance(node.value, dict):
        return fallback
    return node.value[key].place if key in node.value else node.place


def _words(message: str) -> str:
    return message[:1].lower() + message[1:].rstrip(".")
