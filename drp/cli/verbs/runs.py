"""Verbs about a run that has begun."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drp.cli.verbs.session import Do, Session
from drp.commands.recover import inspect
from drp.commands.recover import recover as take_up
from drp.commands.results import Result


def recover(session: Session) -> Result:
    """Forward or back."""
    workshop, back = session.open(), session.invocation.verb == "rollback"
    act = inspect if session.common.dry_run else take_up
    return act(session.desk(), workshop, session.invocation.subject, back=back)


DO: Final[Mapping[str, Do]] = {"resume": recover, "rollback": recover}
