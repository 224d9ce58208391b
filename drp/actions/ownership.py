"""Whose an object is: labels tell, names alone do not."""

from __future__ import annotations

from collections.abc import Mapping

from drp.errors import ConflictError


def check_ours(
    kind: str, host: str, name: str, *, wanted: Mapping[str, str], found: Mapping[str, str]
) -> None:
    """Raises ConflictError when the object that has the name is not the one this plan makes."""
    keys = [key for key in wanted if key in ("drp.tenant", "drp.role", "drp.instance")]
    if any(found.get(key) != wanted[key] for key in keys):
        raise ConflictError(
            f"cannot create {kind} '{name}': a foreign one has that name on '{host}'",
            hint=f"Rename or remove the {kind} '{name}' on '{host}', then run the command again.",
            page="C2",
        )
