"""What is wrong in form, in the operator's words and with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final

from pydantic import ValidationError

from drp.config.fields import FieldError, ShapeError
from drp.config.nodes import BUILT_IN, find, key_place, place_of
from drp.config.schema import BackupSettings, DefaultSettings, RootSettings, ServicesSettings
from drp.config.settings import Setting, Settings, about
from drp.config.shapes import field_name, find_model, keys_of
from drp.config.yaml import Node, plain
from drp.errors import Place, Problem

_EXPECTED: Final[Mapping[str, str]] = {
    "dict_type": "a map",
    "model_type": "a map",
    "model_attributes_type": "a map",
    "list_type": "a list",
    "string_type": "a text",
}
SHARED: Final[Mapping[str, type[Settings]]] = {
    "backup": BackupSettings,
    "defaults": DefaultSettings,
    "services": ServicesSettings,
}
"""Groups that only give to tenants: they may be incomplete, and are done with once defaults are in."""


def parse_settings(root: Node) -> tuple[RootSettings | None, list[Problem]]:
    """The resolved tree -> typed settings (None when something is wrong) and everything wrong in form."""
    problems = [*_check_shared(root)]
    data = plain(root)
    assert isinstance(data, dict)
    settings = None
    try:
        settings = RootSettings.model_validate({k: v for k, v in data.items() if k not in SHARED})
    except ValidationError as error:
        problems += [_translate(root, problem) for problem in _errors(error)]
    # What is shared is wrong once, not once a tenant.
    return (None if problems else settings), list(dict.fromkeys(problems))


def _check_shared(root: Node) -> Iterator[Problem]:
    for key, model in SHARED.items():
        node = find(root, key)
        if node is None:
            continue
        try:
            model.model_validate(plain(node))
        except ValidationError as error:
            for problem in _errors(error):
                if problem["type"] != "missing":
                    yield _translate(root, {**problem, "loc": (key, *problem["loc"])})


def _errors(error: ValidationError) -> list[dict[str, Any]]:
    return [dict(problem) for problem in error.errors(include_url=False, include_input=False)]


def _translate(root: Node, error: Mapping[str, Any]) -> Problem:
    path: tuple[str | int, ...] = tuple(step for step in error["loc"] if step != "[key]")
    cause = error.get("ctx", {}).get("error")
    match error["type"]:
        case "missing":
            return _missing(root, path)
        case "extra_forbidden":
            return _unknown(root, path)
        case "literal_error":
            allowed = error["ctx"]["expected"].replace("'", "").replace(" or ", ", ")
            return Problem(_place(root, error["loc"]), f"cannot read '{path[-1]}': write one of {allowed}")
    if isinstance(cause, FieldError) and not isinstance(cause, ShapeError):
        return Problem(_place(root, error["loc"]), str(cause), cause.hint)
    expected = str(cause) if isinstance(cause, ShapeError) else _EXPECTED.get(error["type"])
    if expected:
        return Problem(_place(root, path), f"cannot read '{path[-1]}': {expected} is expected")
    return Problem(_place(root, path), str(cause or error["msg"]))


def _missing(root: Node, path: tuple[str | int, ...]) -> Problem:
    written = _written_depth(root, path)
    dotted = ".".join(str(step) for step in path[written:])
    model = find_model(RootSettings, path[:-1])
    name = field_name(model, str(path[-1])) if model else None
    hint = _tell_missing(about(model, name), str(path[-1])) if model and name else ""
    return Problem(place_of(root, *path[:-1]), f"key '{dotted}' is missing", hint)


def _tell_missing(known: Setting, key: str) -> str:
    if known.computed:
        return f"By default it is {known.computed}; there is none."
    return f"Write it as in `{key}: {known.example}`." if known.example else ""


def _written_depth(root: Node, path: tuple[str | int, ...]) -> int:
    """How many steps of the path somebody wrote."""
    depth = 0
    node: Node | None = root
    for step in path[:-1]:
        if node is None or key_place(node, step) == BUILT_IN:
            break
        node = find(node, step)
        depth += 1
    return depth


def _unknown(root: Node, path: tuple[str | int, ...]) -> Problem:
    key = str(path[-1])
    model = find_model(RootSettings, path[:-1])
    known = keys_of(model) if model else []
    nearest = get_close_matches(key, known, n=1)
    meant = f"; did you mean '{nearest[0]}'?" if nearest else ""
    hint = "" if nearest or not known else f"Known here: {', '.join(known)}."
    return Problem(_place(root, (*path, "[key]")), f"unknown key '{key}'{meant}", hint)


def _place(root: Node, location: tuple[str | int, ...]) -> Place:
    """Place of a value, or (``[key]`` at the end) of its key."""
    if location and location[-1] == "[key]":
        *above, key = location[:-1]
        node = find(root, *above)
        place = BUILT_IN if node is None else key_place(node, key)
        return place if place != BUILT_IN else place_of(root, *above)
    return place_of(root, *location)
