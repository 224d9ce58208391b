"""Values: look-ups filled in, parameters checked against their action's type, the finished step."""

from __future__ import annotations

from collections.abc import Mapping

from drp.config.yaml import Node
from drp.errors import Place
from drp.model.plan import ActionSpec, Step
from drp.model.values import Json, JsonMap
from drp.runbooks.complaints import Complaints
from drp.runbooks.expand import Made
from drp.runbooks.expressions import ExpressionError, evaluate
from drp.runbooks.links import Links
from drp.runbooks.schema import RESERVED
from drp.runbooks.signature import find_spec, type_params


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
        spec = find_spec(definition, self._catalogue, self._complaints)
        needs, after = self._links.needs(made)
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
        return type_params(spec, made.definition, values, self._complaints)

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
            capacity = check_pool(name, count, self._capacities, place, self._complaints)
            pools[name], self.limits[name] = count, capacity
        return pools


def check_pool(
    name: str, wanted: int, capacities: Mapping[str, int], place: Place, complaints: Complaints
) -> int:
    """What the pool holds: by its full name, or by what stands before the ``@``, else one."""
    capacity = capacities.get(name, capacities.get(name.partition("@")[0], 1))
    if wanted > capacity:
        complaints.add(place, f"step wants {wanted} of pool '{name}', which holds {capacity}")
    return capacity


def _evaluate(text: str, place: Place, scope: JsonMap, *, complaints: Complaints) -> Json:
    try:
        return evaluate(text, scope)
    except ExpressionError as error:
        hint = "A step knows the steps it needs, directly or not." if f"'{RESERVED}." in str(error) else ""
        complaints.add(place, str(error), hint)
        return ""
