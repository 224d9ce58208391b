"""A plan kept in a file, with what it rests on: to be run later, or refused when the world has moved."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from drp.actions.orders import Order
from drp.commands.results import Review
from drp.errors import RefusedError
from drp.model.plan import canonical
from drp.model.values import JsonMap

FORMAT: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPlan:
    """The order, and the facts it was planned from; ``digest`` names both. No secret is in it.

    The file ends with a checksum: a plan is either the one that was shown, or none.
    """

    order: Order
    digest: str
    facts: JsonMap


def save_plan(path: Path, review: Review) -> None:
    """Write it to a new file. Raises RefusedError when that cannot be done."""
    data: JsonMap = {
        "format": FORMAT,
        "verb": review.verb,
        "tenant": review.tenant,
        "site": review.site,
        "digest": review.digest,
        "facts": review.facts,
    }
    try:
        with path.open("xb") as file:
            file.write(canonical({**data, "checksum": _checksum(data)}) + b"\n")
    except OSError as error:
        raise RefusedError(f"cannot keep plan '{path}': {error.strerror}") from error


def load_plan(path: Path) -> SavedPlan:
    """Raises RefusedError for what is no plan of this drp."""
    try:
        data = json.loads(path.read_bytes())
        if data["format"] != FORMAT:
            raise RefusedError(
                f"cannot read plan '{path}': format {data['format']}, this drp reads {FORMAT}",
                hint="Plan anew with this drp.",
                page="B10",
            )
        if data.pop("checksum") != _checksum(data):
            raise RefusedError(
                f"cannot read plan '{path}': it was changed after it was made",
                hint="Plan anew; a plan is never edited.",
            )
        order = Order(verb=data["verb"], run="", tenant=data["tenant"], site=data["site"])
        return SavedPlan(order=order, digest=data["digest"], facts=data["facts"])
    except OSError as error:
        raise RefusedError(f"cannot read plan '{path}': {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise RefusedError(f"cannot read plan '{path}': it is no plan of drp") from error


def _checksum(data: JsonMap) -> str:
    return hashlib.sha256(canonical(data)).hexdigest()
