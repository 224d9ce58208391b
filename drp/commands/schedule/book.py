"""All schedules there are: those of the configuration, then those that were added, as they stand now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from drp.errors import RejectedError
from drp.model.cron import read_cron
from drp.model.drills import DrillSchedule
from drp.model.inventory import Inventory
from drp.model.values import JsonMap
from drp.witness.schedules import Change, ScheduleReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """``since``: what was due before does not count, None: since a controller saw it first. ``paused``: by
    whom and since when, "" when it is not. ``owner``: who added it, "" the configuration.
    """

    schedule: DrillSchedule
    since: datetime | None = None
    paused: str = ""
    owner: str = ""

    @property
    def name(self) -> str:
        return self.schedule.name

    def to_json(self) -> JsonMap:
        return {**self.schedule.to_json(), "paused": self.paused, "from": self.owner or "configuration"}


def load_book(inventory: Inventory, reader: ScheduleReader) -> list[Planned]:
    """Raises what the reader raises."""
    book = []
    configured = {schedule.name: schedule for schedule in inventory.policies.drills}
    for name in dict.fromkeys([*configured, *reader.names()]):
        found = fold(configured.get(name), reader.changes(name))
        if found is not None:
            book.append(found)
    return book


def fold(configured: DrillSchedule | None, changes: Sequence[Change]) -> Planned | None:
    """What all changes make of it; None: it is there no more. What is configured stays as configured.

    Raises RejectedError.
    """
    added: Change | None = None
    since, paused = None, ""
    for change in changes:
        match change.kind:
            case "add" if configured is None:
                added, paused, since = change, "", datetime.fromisoformat(change.at)
            case "remove":
                added = None
            case "pause":
                paused = paused or f"{change.owner} since {change.at}"
            case "go":
                paused, since = "", datetime.fromisoformat(change.at)
    if configured is not None:
        return Planned(schedule=configured, since=since, paused=paused)
    if added is None:
        return None
    return Planned(schedule=_read(added), since=since, paused=paused, owner=added.owner)


def find_planned(book: Iterable[Planned], name: str) -> Planned | None:
    return next((planned for planned in book if planned.name == name), None)


def _read(change: Change) -> DrillSchedule:
    try:
        schedule = DrillSchedule.from_json(change.schedule)
        read_cron(schedule.cron)
        ZoneInfo(schedule.zone)
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise RejectedError(
            f"cannot read schedule '{change.name}' in the witness: {error}",
            hint=f"Remove it with `drp drill schedule remove {change.name}`, and add it again.",
        ) from error
    return schedule
