"""How old the newest bundle in each store is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from drp.actions.action import ReadPorts
from drp.commands.bundle.stored import list_bundles, read_moment
from drp.commands.results import BundleFact
from drp.errors import DrpError
from drp.ports.objects import ObjectReader


def find_age(store: ObjectReader, now: datetime) -> timedelta | None:
    """Age of the newest bundle in a store; None when there is none. Errors: those of the store."""
    bundles = list_bundles(store)
    return now - read_moment(bundles[-1]) if bundles else None


def iter_bundles(ports: ReadPorts) -> Iterator[BundleFact]:
    """Of each store that shall have one. Never raises a ``DrpError``: what cannot be seen has a reason.

    One that the controller has missed twice is too old.
    """
    policy = ports.inventory.policies.bundle
    alarm = 2 * policy.every.total_seconds()
    for name in policy.stores:
        try:
            age = find_age(ports.store(name), ports.clock.now())
        except DrpError as error:
            yield BundleFact(store=name, alarm_s=alarm, reason=error.message)
        else:
            yield BundleFact(store=name, alarm_s=alarm, age_s=None if age is None else age.total_seconds())
