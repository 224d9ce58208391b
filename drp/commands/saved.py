"""A plan kept in a file, with what it rests on: to be run later, or refused when the world has moved."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from drp.actions.orders import Order
from drp.commands.results import Review
from drp.commands.review import Proposal, find_difference, world_digest, world_facts
from drp.errors import RefusedError
from drp.model.plan import canonical
from drp.model.values import JsonMap

FORMAT: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPlan:
    """The order, and the facts it was planned from; ``digest`` names both. No secret is in it."""

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
            file.write(canonical(data) + b"\n")
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
        order = Order(verb=data["verb"], run="", tenant=data["tenant"], site=data["site"])
        return SavedPlan(order=order, digest=data["digest"], facts=data["facts"])
    except OSError as error:
        raise RefusedError(f"cannot read plan '{path}': {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise RefusedError(f"cannot read plan '{path}': it is no plan of drp") from error


def check_same(saved: SavedPlan, proposal: Proposal, command: str) -> None:
    """Raises RefusedError, naming the first difference, when the plan would not be the one that was kept."""
    if world_digest(proposal) == saved.digest:
        return
    moved = find_difference(saved.facts, world_facts(proposal.facts)) or "the runbook is another one"
    raise RefusedError(
        f"cannot apply plan '{saved.digest}': {moved}",
        state="nothing was touched",
        hint=f"Look again with `drp plan {command}`.",
        page="A9",
    )
