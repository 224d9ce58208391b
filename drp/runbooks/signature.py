"""A step as it is written against the action it names: does it exist, does it take these parameters."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cache
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError

from drp.config.yaml import Node
from drp.model.plan import ActionSpec
from drp.model.values import JsonMap
from drp.runbooks.complaints import Complaints, unknown
from drp.runbooks.schema import StepDef


def find_spec(
    definition: StepDef, catalogue: Mapping[str, ActionSpec], complaints: Complaints
) -> ActionSpec | None:
    """The step's action. Complains of one that does not exist, and of a look that is said to be final."""
    do = definition.do
    spec = catalogue.get(do.name)
    if spec is None:
        complaints.add(do.place, unknown("action", do.name, catalogue))
    elif definition.final is not None and spec.read_only:
        complaints.add(definition.final, f"'{spec.name}' only looks: it cannot be final")
    return spec


def type_params(spec: ActionSpec, definition: StepDef, values: JsonMap, complaints: Complaints) -> JsonMap:
    """The values as the action takes them ({} after a complaint). Of what is written in ``with`` those may be
    missing that cannot be known yet."""
    node = definition.values
    known = {field.name for field in dataclasses.fields(spec.params)}
    written = node.value if node is not None and isinstance(node.value, dict) else {}
    for key in written.keys() - known:
        place = node.key_places.get(key, node.place) if node is not None else definition.place
        complaints.add(place, unknown(f"parameter of '{spec.name}'", key, known))
    adapter = _adapter(spec.params)
    try:
        typed = adapter.validate_python({key: values[key] for key in values.keys() & known})
    except ValidationError as error:
        _complain_of(error, spec, definition, written, complaints)
        return {}
    return cast(JsonMap, adapter.dump_python(typed, mode="json"))


def _complain_of(
    error: ValidationError,
    spec: ActionSpec,
    definition: StepDef,
    written: Mapping[str, Node],
    complaints: Complaints,
) -> None:
    node = definition.values
    place = node.place if node is not None else definition.place
    for found in error.errors(include_url=False, include_input=False):
        path, key = ".".join(str(part) for part in found["loc"]), str(found["loc"][0])
        is_missing = found["type"] in ("missing", "missing_keyword_only_argument")
        if is_missing and not (len(found["loc"]) == 1 and key in written):
            complaints.add(place, f"'{spec.name}' needs '{path}'")
        elif not is_missing:
            text = f"cannot use '{path}' for '{spec.name}': {_words(found['msg'])}"
            complaints.add(written[key].place if key in written else place, text)


@cache
def _adapter(params: type) -> TypeAdapter[Any]:
    return TypeAdapter(params)


def _words(message: str) -> str:
    return message[:1].lower() + message[1:].rstrip(".")
