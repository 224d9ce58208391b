"""Verbs about the journals of runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drp.cli.verbs.session import Do, Session
from drp.commands.journal_view import Archive
from drp.commands.rebuild.rebuild import rebuild as put_in_order
from drp.commands.results import Result


def show(session: Session) -> Result:
    return _archive(session).show(session.invocation.subject)


def verify(session: Session) -> Result:
    return _archive(session).verify(session.invocation.subject)


def rebuild(session: Session) -> Result:
    workshop, invocation = session.open(), session.invocation
    return put_in_order(session.desk(), workshop, invocation.subject, dry_run=session.common.dry_run)


def _archive(session: Session) -> Archive:
    workshop = session.open()
    return Archive(session.state, workshop.witness, workshop.inventory)


DO: Final[Mapping[str, Do]] = {"journal show": show, "journal verify": verify, "journal rebuild": rebuild}
