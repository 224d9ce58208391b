"""Verbs about when drills are due."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from drp.cli.verbs.session import Do, Session
from drp.commands.controller.drills import open_clerk
from drp.commands.results import Result
from drp.commands.schedule import keeping
from drp.config.fields import read_name, read_timezone
from drp.errors import UsageError
from drp.model.cron import read_cron
from drp.model.drills import DrillSchedule


def add(session: Session) -> Result:
    given = session.invocation.schedule
    assert given is not None
    workshop = session.open()
    schedule = _read(given, zone=workshop.inventory.timezone)
    return keeping.add(session.desk(), workshop, schedule, dry_run=session.common.dry_run)


def _read(given: DrillSchedule, *, zone: str) -> DrillSchedule:
    """What was typed, checked. Raises UsageError."""
    try:
        read_name(given.name)
        zone = read_timezone(given.zone or zone)
        return replace(given, cron=read_cron(given.cron), zone=zone)
    except ValueError as error:
        raise UsageError(str(error), hint="See `drp drill schedule add --help`.") from error


def show(session: Session) -> Result:
    return keeping.list_all(session.open())


def pause(session: Session) -> Result:
    name, off = session.invocation.subject, session.invocation.off
    workshop = session.open()
    return keeping.pause(session.desk(), workshop, name, off=off, dry_run=session.common.dry_run)


def remove(session: Session) -> Result:
    workshop = session.open()
    name = session.invocation.subject
    return keeping.remove(session.desk(), workshop, name, dry_run=session.common.dry_run)


def coming(session: Session) -> Result:
    workshop, desk = session.open(), session.desk()
    return keeping.tell_next(open_clerk(desk, workshop), desk.clock.now())


DO: Final[Mapping[str, Do]] = {
    "drill schedule add": add,
    "drill schedule list": show,
    "drill schedule pause": pause,
    "drill schedule remove": remove,
    "drill schedule next": coming,
}
