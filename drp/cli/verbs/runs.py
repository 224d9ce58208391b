"""Verbs about a run that has begun."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drp.cli.verbs.session import Do, Session
from drp.commands.approval import approve as say_yes
from drp.commands.approval import inspect_approval
from drp.commands.cancel import ask_cancel, inspect_cancel
from drp.commands.fleet.recover import is_fleet_run
from drp.commands.fleet.recover import resume as resume_fleet
from drp.commands.fleet.results import AnyResult
from drp.commands.recover import find_entry, inspect
from drp.commands.recover import recover as take_up
from drp.commands.results import Result
from drp.commands.takeover import inspect_takeover, take_over


def recover(session: Session) -> AnyResult:
    """Forward or back; a run over many goes forward only."""
    workshop, back = session.open(), session.invocation.verb == "rollback"
    if not back and not session.common.dry_run and is_fleet_run(workshop, session.invocation.subject):
        return resume_fleet(session.desk(), workshop, session.invocation.subject)
    act = inspect if session.common.dry_run else take_up
    return act(session.desk(), workshop, session.invocation.subject, back=back)


def takeover(session: Session) -> AnyResult:
    """Forward or back; a run over many goes forward only, and is watched for when it is resumed."""
    workshop, back = session.open(), session.invocation.back
    if not back and not session.common.dry_run and is_fleet_run(workshop, session.invocation.subject):
        return resume_fleet(session.desk(), workshop, session.invocation.subject)
    act = inspect_takeover if session.common.dry_run else take_over
    return act(session.desk(), workshop, session.invocation.subject, back=back)


def cancel(session: Session) -> Result:
    workshop = session.open()
    act = inspect_cancel if session.common.dry_run else ask_cancel
    return act(session.desk(), workshop, session.invocation.subject)


def approve(session: Session) -> Result:
    """A dry run shows the plan."""
    workshop, desk = session.open(), session.desk()
    begin = find_entry(workshop, session.invocation.subject, verb="approve").begin
    if session.common.dry_run:
        return inspect_approval(desk, workshop, begin)
    return say_yes(desk, workshop, begin)


DO: Final[Mapping[str, Do]] = {
    "resume": recover,
    "rollback": recover,
    "approve": approve,
    "cancel": cancel,
    "takeover": takeover,
}
