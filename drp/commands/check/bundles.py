"""Bundles in the stores: there, and young enough."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from drp.commands.bundle.age import iter_bundles
from drp.commands.check.looks import Look, Trouble
from drp.commands.check.survey import Survey
from drp.commands.results import BundleFact
from drp.model.values import render_duration


def look_at_bundles(survey: Survey) -> Iterator[Look]:
    for store in survey.inventory.policies.bundle.stores:
        yield Look(area="bundles", name=store, do=partial(_check_bundle, survey, store))


def _check_bundle(survey: Survey, store: str) -> Trouble | None:
    fact = next(each for each in iter_bundles(survey.ports) if each.store == store)
    if fact.is_well:
        return None
    return Trouble(
        message=f"cannot start from a bundle in '{store}': {fact.reason or _tell_age(fact)}",
        hint="Put one there with `drp bundle put`; `drp serve` renews it.",
        verdict="warning",
    )


def _tell_age(fact: BundleFact) -> str:
    if fact.age_s is None:
        return "there is none"
    age, alarm = (render_duration(timedelta(seconds=round(s))) for s in (fact.age_s, fact.alarm_s))
    return f"the newest is {age} old, alarm at {alarm}"
