"""What the schema tells others: editors get JSON Schema, readers a table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from drp.config.schema import DefaultSettings, RootSettings, SiteSettings, TenantSettings
from drp.config.settings import KNOWN, Setting, Settings, about
from drp.config.shapes import keys_of, shape_of
from drp.config.yaml import parse_yaml, plain
from drp.model.values import JsonMap

_SHOWN_ONCE: Final = frozenset({"defaults", "services", "backup"})
"""Groups of the top whose keys are those of a tenant."""


def build_json_schema() -> JsonMap:
    """The JSON Schema of one file of the configuration.

    A file may hold a part only, so what another file can give is not required here.
    """
    schema = RootSettings.model_json_schema(by_alias=True)
    definitions: dict[str, Any] = schema["$defs"]
    for model in (schema, *definitions.values()):
        _clean(model)
    given = set(keys_of(DefaultSettings))
    definitions[TenantSettings.__name__]["required"] = [
        key for key in definitions[TenantSettings.__name__]["required"] if key not in given
    ]
    for model in (schema, definitions[SiteSettings.__name__]):
        del model["required"]
    schema["properties"]["version"] = {"const": 1, "description": "Version of this format"}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "drp", **schema}


def render_json_schema() -> str:
    """The same as text, for a file beside the configuration."""
    return json.dumps(build_json_schema(), indent=1, ensure_ascii=False) + "\n"


def render_key_table() -> str:
    """All keys as a Markdown table."""
    head = ["| key | default | what it is |", "| --- | --- | --- |"]
    return "\n".join([*head, *(_row(*row) for row in _rows(RootSettings, ""))]) + "\n"


def _clean(model: dict[str, Any]) -> None:
    """Take out what is only for drp, and the titles that pydantic makes of names."""
    model.pop("title", None)
    properties: dict[str, dict[str, Any]] = model.get("properties", {})
    required = []
    for key, value in properties.items():
        known = value.pop(KNOWN)
        value.pop("title", None)
        if known["is_required"]:
            required.append(key)
        if "patternProperties" in value:
            value["additionalProperties"] = False
        if value.get("default") is None:
            value.pop("default", None)
        else:
            value["default"] = _natural(value["default"], value.get("type"))
        if "examples" in value:
            value["examples"] = [_natural(example, value.get("type")) for example in value["examples"]]
    if properties:
        model["required"] = required


def _natural(written: Any, kind: str | None) -> Any:
    """A default or an example as an editor sees it: numbers as numbers, lists as lists."""
    if kind in ("integer", "number", "boolean") and isinstance(written, str):
        return json.loads(written)
    if isinstance(written, str) and written.startswith(("[", "{")):
        return plain(parse_yaml(written, "example"))
    return written


def _rows(model: type[Settings], prefix: str) -> Iterator[tuple[str, str, Setting]]:
    for name, info in model.model_fields.items():
        key = f"{prefix}{info.alias}"
        shape = shape_of(model, name)
        suffix = {"named": ".NAME", "listed": "[]"}.get(shape.holds, "")
        yield f"{key}{suffix}", info.description or "", about(model, name)
        if shape.model is not None and key not in _SHOWN_ONCE and name not in ("redis", "api"):
            yield from _rows(shape.model, f"{key}{suffix}.")


def _row(key: str, description: str, known: Setting) -> str:
    return f"| `{key}` | {_render_default(known)} | {description}{_render_example(known)} |"


def _render_default(known: Setting) -> str:
    if known.is_required:
        return "**required**"
    if known.computed:
        return known.computed
    if known.default in (None, {}, [], ""):
        return "–"
    return f"`{known.default if isinstance(known.default, str) else _flow(known.default)}`"


def _render_example(known: Setting) -> str:
    return f", e.g. `{known.example}`" if known.example else ""


def _flow(value: Any) -> str:
    """A value as flow-style YAML."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_flow(item)}' for key, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(_flow(item) for item in value)}]"
    return str(value)
