"""Small JSON objects that are put once, and read again by the same code."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, fields
from typing import Any, TypeVar

from drp.errors import BugError, ConflictError, RejectedError, UnreachableError
from drp.model.values import JsonMap
from drp.ports.objects import ObjectReader, ObjectStore

R = TypeVar("R")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def check_name(name: str) -> str:
    """A name that is one part of a key. Raises BugError: the configuration lets no other pass."""
    if not _NAME.fullmatch(name):
        raise BugError(f"cannot use name '{name}' in the witness: only letters, digits, '.', '_' and '-'")
    return name


def render_record(record: Any) -> bytes:
    """A flat dataclass of JSON values -> its JSON, keys sorted, so that equal facts are equal bytes."""
    return json.dumps(asdict(record), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def parse_record(kind: type[R], key: str, content: bytes) -> R:
    """JSON -> dataclass; unknown fields (of a newer drp) are left out. Raises RejectedError."""
    try:
        data: JsonMap = json.loads(content)
        known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
        return kind(**{name: value for name, value in data.items() if name in known})
    except (ValueError, TypeError, AttributeError) as error:
        hint = "Look at the object by hand: no other program may write to the witness's bucket."
        raise RejectedError(f"cannot read '{key}' in the witness: {error}", hint=hint) from error


def find_record(store: ObjectReader, kind: type[R], key: str) -> R | None:
    """The record under that key, or None. Raises what the store raises, and RejectedError."""
    content = store.find(key)
    return None if content is None else parse_record(kind, key, content)


def put_own(store: ObjectStore, key: str, content: bytes) -> bool:
    """Put the object once; True when the object under that key is ours, False when it is somebody else's.

    ``content`` must be distinct for each writer. An answer that got lost is cleared up by reading, and
    a repeated call of the same writer is True again. Raises UnreachableError when it is still not known.
    """
    try:
        store.put_once(key, content)
    except ConflictError:
        return store.get(key) == content
    except UnreachableError:
        found = store.find(key)
        if found is None:
            raise
        return found == content
    return True
