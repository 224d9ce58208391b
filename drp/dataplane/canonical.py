"""One spelling for every JSON value, so that it can be signed and hashed."""

from __future__ import annotations

import json

from drp.errors import BugError
from drp.model.values import Json


def render_canonical(value: Json) -> bytes:
    """Sorted keys, no blanks, ASCII only; floats are refused because they have many spellings.

    Raises BugError for a float or for anything that is not JSON.
    """
    _check_no_float(value)
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise BugError(f"cannot render canonical JSON: {error}") from error
    return text.encode("ascii")


def _check_no_float(value: Json) -> None:
    if isinstance(value, float):
        raise BugError(f"cannot render canonical JSON: {value!r} is a float")
    if isinstance(value, dict):
        for inner in value.values():
            _check_no_float(inner)
    elif isinstance(value, list):
        for inner in value:
            _check_no_float(inner)
