"""``${tenant.home.name}``: look-ups in text, and nothing else. No logic, no arithmetic, no defaults."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from drp.model.values import Json
from drp.runbooks.complaints import unknown

_PATH: Final = re.compile(r"[A-Za-z_][\w-]*(\.[\w-]+)*")
_TOKEN: Final = re.compile(r"\$\$\{|\$\{([^}]*)(\}?)")


class ExpressionError(ValueError):
    """A look-up that cannot be read or finds nothing."""


def evaluate(text: str, scope: Mapping[str, Json]) -> Json:
    """The text with its look-ups filled in; a look-up that is the whole text keeps its JSON type.

    ``$${`` stands for a literal ``${``. Raises ExpressionError.
    """
    whole = _TOKEN.fullmatch(text)
    if whole and whole.group(1) is not None:
        return _find(whole, scope)
    return _TOKEN.sub(lambda match: _as_text(match, scope), text)


def look_up(path: str, scope: Mapping[str, Json]) -> Json:
    """The value at ``a.b.c``; a number picks an item of a list, counted from 0. Raises ExpressionError."""
    found: Json = dict(scope)
    walked = ""
    for part in check_path(path).split("."):
        found = _step_into(found, part, walked)
        walked = f"{walked}{part}."
    return found


def paths_in(text: str) -> list[str]:
    """The look-ups of a text, none of them made. Raises ExpressionError for one that cannot be read."""
    return [_path_of(match) for match in _TOKEN.finditer(text) if match.group(1) is not None]


def check_path(path: str) -> str:
    """The path itself. Raises ExpressionError when it is none."""
    if not _PATH.fullmatch(path):
        raise ExpressionError(f"cannot read '{path}': only look-ups such as tenant.name are possible")
    return path


def _step_into(value: Json, part: str, walked: str) -> Json:
    if isinstance(value, dict):
        if part in value:
            return value[part]
        raise ExpressionError(unknown("name", walked + part, (walked + key for key in value)))
    if isinstance(value, list):
        if part.isdecimal() and int(part) < len(value):
            return value[int(part)]
        raise ExpressionError(
            f"cannot find '{walked}{part}': the list has {len(value)} items, counted from 0"
        )
    raise ExpressionError(f"cannot find '{walked}{part}': '{walked[:-1]}' is {kind_of(value)}")


def _find(match: re.Match[str], scope: Mapping[str, Json]) -> Json:
    return look_up(_path_of(match), scope)


def _path_of(match: re.Match[str]) -> str:
    if not match.group(2):
        raise ExpressionError(f"cannot read '{match.group(0)}': its brace is never closed")
    return check_path(match.group(1).strip())


def _as_text(match: re.Match[str], scope: Mapping[str, Json]) -> str:
    if match.group(1) is None:
        return "${"
    value = _find(match, scope)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    raise ExpressionError(f"cannot put '{match.group(1).strip()}' into a text: it is {kind_of(value)}")


def kind_of(value: Json) -> str:
    """What a value is, in words."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "a map"
