"""The controller's care for the bundles in the stores: a new one when the old ones are too old."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from drp.commands.bundle.age import find_age
from drp.commands.bundle.keeping import keep_bundle
from drp.commands.desk import Desk, Workshop
from drp.errors import StepError
from drp.model.values import render_list

_AGAIN: Final = timedelta(minutes=5)
"""How long a store that failed is left alone."""


class BundleChore:
    """Puts a bundle into every store that the configuration names, as often as it says."""

    def __init__(self, desk: Desk, workshop: Workshop) -> None:
        self._desk = desk
        self._workshop = workshop
        self._not_before: datetime | None = None

    def refresh(self) -> str:
        """Raises StepError when a store has none afterwards, and what the ports raise: then it is told."""
        policy, now = self._workshop.inventory.policies.bundle, self._desk.clock.now()
        if not policy.stores or self._workshop.folders is None:
            return ""
        if self._not_before is not None and now < self._not_before:
            return ""
        ages = [find_age(self._workshop.ports.store(name), now) for name in policy.stores]
        if all(age is not None and age < policy.every for age in ages):
            return ""
        self._not_before = now + _AGAIN
        made = keep_bundle(self._workshop, self._desk.state)
        failed = made.data["failed"]
        assert isinstance(failed, dict)
        if failed:
            raise StepError(render_list([str(reason) for reason in failed.values()]))
        self._not_before = None
        return f"bundle put into {render_list([*policy.stores])}"
