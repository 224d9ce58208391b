"""Add, list, pause and remove schedules of drills; and tell what comes next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from drp.commands.desk import Desk, Workshop
from drp.commands.events import render_utc
from drp.commands.results import Listing
from drp.commands.schedule.book import Planned, find_planned, load_book
from drp.commands.schedule.clerk import Clerk, Outlook
from drp.errors import RefusedError, UsageError
from drp.model.drills import DrillSchedule
from drp.model.inventory import Inventory
from drp.model.values import Json, JsonMap, render_duration, render_list
from drp.witness.schedules import Change, ChangeKind, Schedules

_DID: Final = {"add": "added", "pause": "paused", "go": "goes on", "remove": "removed"}


def add(desk: Desk, workshop: Workshop, schedule: DrillSchedule, *, dry_run: bool) -> Listing:
    """Raises UsageError for a site or tenant there is not, RefusedError for a name that is taken."""
    _check_names(workshop.inventory, schedule)
    known = find_planned(_book(workshop), schedule.name)
    if known is not None:
        raise RefusedError(
            f"cannot add schedule '{schedule.name}': there is one, {_origin(workshop.inventory, known)}",
            hint="See it with `drp drill schedule list`.",
        )
    return _change(desk, workshop, schedule.name, "add", dry_run=dry_run, schedule=schedule.to_json())


def pause(desk: Desk, workshop: Workshop, name: str, *, off: bool, dry_run: bool) -> Listing:
    """``off``: let it go on. Raises UsageError for one there is not; repeating it changes nothing."""
    found = _require(workshop, name, verb="pause")
    if bool(found.paused) is not off:
        is_now = f"paused by {found.paused}" if found.paused else "not paused"
        return Listing(lines=(f"✓ {name} is {is_now}: nothing to do",), data=found.to_json())
    return _change(desk, workshop, name, "go" if off else "pause", dry_run=dry_run)


def remove(desk: Desk, workshop: Workshop, name: str, *, dry_run: bool) -> Listing:
    """Raises UsageError for one there is not, RefusedError for one of the configuration."""
    configured = find_planned(_configured(workshop.inventory), name)
    if configured is not None:
        raise RefusedError(
            f"cannot remove schedule '{name}': it is {_origin(workshop.inventory, configured)}",
            hint=f"Take it out there, or pause it with `drp drill schedule pause {name}`.",
        )
    schedules = Schedules(workshop.witness)
    changes = [change.kind for change in schedules.changes(name)] if name in schedules.names() else []
    # also one that cannot be read
    if "add" not in changes or changes[-1] == "remove":
        _require(workshop, name, verb="remove")
    return _change(desk, workshop, name, "remove", dry_run=dry_run)


def list_all(workshop: Workshop) -> Listing:
    """All there are, the configuration's first."""
    book = _book(workshop)
    lines = [line for planned in book for line in _tell(workshop.inventory, planned)]
    listed: list[Json] = [planned.to_json() for planned in book]
    summary = f"{len(book)} schedules · what comes next: drp drill schedule next"
    return Listing(lines=tuple(lines), data={"schedules": listed}, summary=summary)


def tell_next(clerk: Clerk, now: datetime) -> Listing:
    """When each would begin, and of whom, as it looks now; soonest first, paused ones last."""
    found = [clerk.look_ahead(planned) for planned in clerk.book()]
    found.sort(
        key=lambda each: (bool(each.planned.paused), each.begins or datetime.max.replace(tzinfo=now.tzinfo))
    )
    listed: list[Json] = [_next_json(each) for each in found]
    lines = tuple(_tell_next(each, now) for each in found) or ("no drill is scheduled",)
    return Listing(lines=lines, data={"next": listed})


def _book(workshop: Workshop) -> Sequence[Planned]:
    return load_book(workshop.inventory, Schedules(workshop.witness))


def _configured(inventory: Inventory) -> Sequence[Planned]:
    return [Planned(schedule=schedule) for schedule in inventory.policies.drills]


def _require(workshop: Workshop, name: str, *, verb: str) -> Planned:
    book = _book(workshop)
    found = find_planned(book, name)
    if found is None:
        known = render_list([planned.name for planned in book]) or "none"
        raise UsageError(
            f"cannot {verb} schedule '{name}': there is no such schedule",
            hint=f"Known: {known}; see `drp drill schedule list`.",
        )
    return found


def _change(
    desk: Desk,
    workshop: Workshop,
    name: str,
    kind: ChangeKind,
    *,
    dry_run: bool,
    schedule: JsonMap | None = None,
) -> Listing:
    change = Change(
        name=name, kind=kind, at=desk.clock.now().isoformat(), owner=desk.operator, schedule=schedule or {}
    )
    if dry_run:
        return Listing(lines=(f"would be {_DID[kind]}: {name}",), data={"name": name, "kind": kind})
    Schedules(workshop.witness).change(change)
    more = " · see `drp drill schedule next`" if kind in ("add", "go") else ""
    return Listing(lines=(f"✓ {name} {_DID[kind]}{more}",), data={"name": name, "kind": kind})


def _check_names(inventory: Inventory, schedule: DrillSchedule) -> None:
    if schedule.site and schedule.site not in inventory.sites:
        raise UsageError(
            f"cannot drill at '{schedule.site}': there is no such site",
            hint=f"Known: {render_list([*inventory.sites])}; see `drp config show`.",
        )
    unknown = [name for name in schedule.tenants if name not in inventory.tenants]
    if unknown:
        raise UsageError(
            f"cannot drill '{unknown[0]}': there is no such tenant",
            hint=f"Known: {render_list(sorted(inventory.tenants))}; see `drp status`.",
        )


def _origin(inventory: Inventory, planned: Planned) -> str:
    place = inventory.lines.get("drills", "")
    return (
        f"added by {planned.owner}"
        if planned.owner
        else f"in the configuration{f' ({place})' if place else ''}"
    )


def _tell(inventory: Inventory, planned: Planned) -> Iterator[str]:
    schedule = planned.schedule
    who = render_list(schedule.tenants) or "all tenants"
    parts = [
        f"{schedule.sample} of {who}" if schedule.sample else who,
        f"at {schedule.site}" if schedule.site else "",
        f"within {render_duration(schedule.within)}",
        "also in business hours" if schedule.in_hours else "",
        _origin(inventory, planned),
    ]
    mark = "-" if planned.paused else "·"
    paused = f" · PAUSED by {planned.paused}" if planned.paused else ""
    yield f"{mark} {schedule.name:<10} {schedule.cron} {schedule.zone}{paused}"
    yield f"  {'':<10} {' · '.join(part for part in parts if part)}"


def _tell_next(found: Outlook, now: datetime) -> str:
    planned = found.planned
    zone = ZoneInfo(planned.schedule.zone)

    def at(moment: datetime) -> str:
        return f"{moment.astimezone(zone):%a %Y-%m-%d %H:%M %Z}"

    if planned.paused:
        return f"- {planned.name:<10} does nothing: paused by {planned.paused}"
    if found.due is None:
        return f"! {planned.name:<10} is never due again"
    who = render_list(found.tenants) or "nobody: none of its tenants is served elsewhere"
    if found.begins is None:
        room = render_duration(planned.schedule.within)
        return f"! {planned.name:<10} due {at(found.due)}, but business hours never leave {room}"
    begins = "now" if found.begins <= now else at(found.begins)
    late = f" (due {at(found.due)}, put off by business hours)" if found.is_put_off else ""
    return f"· {planned.name:<10} {begins}  {who}{late}"


def _next_json(found: Outlook) -> JsonMap:
    return {
        "name": found.planned.name,
        "paused": found.planned.paused,
        "due": None if found.due is None else render_utc(found.due),
        "begins": None if found.begins is None else render_utc(found.begins),
        "tenants": [*found.tenants],
    }
