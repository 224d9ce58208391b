"""Schedules of drills in the witness, so that every controller sees the same.

    drills/changes/NAME/000001.json    added, paused, let go on, removed: numbered, put once, the last counts
    drills/due/NAME/20310304T020000Z.json    a due moment that a controller took, with the run it is to be

Nothing is overwritten: of two controllers that take the same moment one wins.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, Literal

from drp.errors import ConflictError
from drp.model.values import JsonMap
from drp.ports.objects import ObjectReader, ObjectStore
from drp.witness.records import check_name, find_record, put_own, render_record

_CHANGES: Final = "drills/changes/"
_DUE: Final = "drills/due/"
_STAMP: Final = "%Y%m%dT%H%M%SZ"

ChangeKind = Literal["add", "pause", "go", "remove"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """``at`` RFC 3339. ``schedule``: what was added, as JSON; empty for the other kinds."""

    name: str
    kind: ChangeKind
    at: str
    owner: str
    schedule: JsonMap = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A due moment that is dealt with. ``run`` "": nothing is to be done, only what comes later counts.

    ``cron``, ``zone``: those by which it was due; a schedule that changed them begins anew.
    """

    name: str
    due: str
    run: str
    at: str
    owner: str
    cron: str
    zone: str
    tenants: tuple[str, ...] = ()

    @property
    def moment(self) -> datetime:
        """``due`` as a time."""
        return datetime.fromisoformat(self.due)


def claim_key(name: str, due: datetime) -> str:
    return f"{_DUE}{check_name(name)}/{due.astimezone(UTC):{_STAMP}}.json"


class ScheduleReader:
    """Errors: those of the store, RejectedError."""

    def __init__(self, store: ObjectReader) -> None:
        self._reader = store

    def names(self) -> list[str]:
        """Of all schedules about which something was ever put."""
        return sorted({key.split("/")[2] for key in self._reader.list(_CHANGES)})

    def changes(self, name: str) -> list[Change]:
        """In order."""
        keys = sorted(self._reader.list(f"{_CHANGES}{check_name(name)}/"))
        found = (find_record(self._reader, Change, key) for key in keys)
        return [change for change in found if change is not None]

    def last_claim(self, name: str) -> Claim | None:
        """That of the latest moment."""
        keys = sorted(self._reader.list(f"{_DUE}{check_name(name)}/"))
        found = find_record(self._reader, Claim, keys[-1]) if keys else None
        # JSON knows no tuples
        return None if found is None else replace(found, tenants=tuple(found.tenants))


class Schedules(ScheduleReader):
    """Puts them."""

    def __init__(self, store: ObjectStore) -> None:
        super().__init__(store)
        self._store = store

    def change(self, change: Change) -> None:
        """Raises ConflictError when somebody else changed it at the same time."""
        number = len(self.changes(change.name)) + 1
        key = f"{_CHANGES}{check_name(change.name)}/{number:06d}.json"
        if not put_own(self._store, key, render_record(change)):
            raise ConflictError(
                f"cannot change schedule '{change.name}': somebody else changes it now",
                hint="See what it is with `drp drill schedule list`.",
            )

    def claim(self, claim: Claim) -> bool:
        """True when the moment is ours; False when another one has it."""
        return put_own(self._store, claim_key(claim.name, claim.moment), render_record(claim))
