"""What all groups of keys have in common: kebab-case, nothing unknown, a sentence for each key."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

KNOWN: Final = "drp"


@dataclass(frozen=True, slots=True)
class Setting:
    """About one key. ``default`` is text, list or dict as one would write it, None: there is none.

    ``computed`` says in words what the default is made of; the code that makes it is in ``resolve``.
    """

    default: Any
    computed: str
    example: str
    is_required: bool


class Settings(BaseModel):
    """A map of known keys."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        alias_generator=lambda name: name.replace("_", "-"),
        use_attribute_docstrings=False,
    )


def required(description: str, *, example: str) -> Any:
    """A key that must be written."""
    return _field(description, Setting(None, "", example, True), default=...)


def optional(description: str, *, example: str = "") -> Any:
    """A key that may be missing."""
    return _field(description, Setting(None, "", example, False), default=None)


def setting(description: str, default: Any, *, example: str = "") -> Any:
    """A key with a default, given as it would be written."""
    return _field(description, Setting(default, "", example, False), default=default)


def computed(description: str, words: str, *, example: str = "") -> Any:
    """A key whose default is made from other keys; ``words`` tell how."""
    # Once the defaults are in, it must be there.
    return _field(description, Setting(None, words, example, False), default=...)


def about(model: type[Settings], name: str) -> Setting:
    """What was said about a field (by its Python name)."""
    extra = model.model_fields[name].json_schema_extra
    assert isinstance(extra, dict)
    found = extra[KNOWN]
    assert isinstance(found, dict)
    return Setting(**found)  # type: ignore[arg-type]


def _field(description: str, known: Setting, *, default: Any) -> Any:
    examples = [known.example] if known.example else None
    return Field(
        default=default, description=description, examples=examples, json_schema_extra={KNOWN: asdict(known)}
    )
