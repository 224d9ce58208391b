"""Bundles in the stores: there, and young enough."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from drp.commands.bundle.keeping import find_age
from drp.commands.check.looks import Look, Trouble
from drp.commands.check.survey import Survey
from drp.model.values import render_duration


def look_at_bundles(survey: Survey) -> Iterator[Look]:
    for store in survey.inventory.policies.bundle.stores:
        yield Look(area="bundles", name=store, do=partial(_check_bundle, survey, store))


def _check_bundle(survey: Survey, store: str) -> Trouble | None:
    """One that the controller has missed twice is too old."""
    age = find_age(survey.ports.store(store), survey.ports.clock.now())
    limit = 2 * survey.inventory.policies.bundle.every
    if age is not None and age <= limit:
        return None
    found = "there is none" if age is None else f"the newest is {_round(age)} old, alarm at {_round(limit)}"
    return Trouble(
        message=f"cannot start from a bundle in '{store}': {found}",
        hint="Put one there with `drp bundle put`; `drp serve` renews it.",
        verdict="warning",
    )


def _round(age: timedelta) -> str:
    return render_duration(timedelta(seconds=round(age.total_seconds())))
