"""What a field of the schema holds: one group of keys, several by name or in a list, or a plain value."""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal

from drp.config.settings import Settings


@dataclass(frozen=True, slots=True)
class Shape:
    """``model`` is the group of keys that is held (None: a plain value), ``holds`` how many of it."""

    holds: Literal["one", "named", "listed", "leaf"]
    model: type[Settings] | None = None


@cache
def shape_of(model: type[Settings], name: str) -> Shape:
    """The shape of a field, by its Python name."""
    return _shape(model.model_fields[name].annotation)


def field_name(model: type[Settings], key: str) -> str | None:
    """The Python name of a key as written (kebab-case), or None."""
    return next((name for name, info in model.model_fields.items() if info.alias == key), None)


def keys_of(model: type[Settings]) -> list[str]:
    """All keys of the model as written."""
    return [info.alias or name for name, info in model.model_fields.items()]


def find_model(root: type[Settings], path: typing.Sequence[str | int]) -> type[Settings] | None:
    """The group of keys that stands under this path of keys, names and indexes; None: there is none."""
    model: type[Settings] | None = root
    steps = list(path)
    while steps and model is not None:
        name = field_name(model, str(steps.pop(0)))
        if name is None:
            return None
        shape = shape_of(model, name)
        model = shape.model
        if shape.holds in ("named", "listed") and steps:
            steps.pop(0)
        elif shape.holds in ("named", "listed"):
            return None
    return model


def _shape(annotation: Any) -> Shape:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return _shape(arguments[0])
    if origin in (typing.Union, types.UnionType):
        kept = [argument for argument in arguments if argument is not type(None)]
        return _shape(kept[0]) if len(kept) == 1 else Shape("leaf")
    if origin is dict:
        return _held("named", arguments[1])
    if origin is list:
        return _held("listed", arguments[0])
    return _held("one", annotation)


def _held(holds: Literal["one", "named", "listed"], annotation: Any) -> Shape:
    is_model = isinstance(annotation, type) and issubclass(annotation, Settings)
    return Shape(holds, annotation) if is_model else Shape("leaf")
