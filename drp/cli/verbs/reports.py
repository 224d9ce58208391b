"""Verbs about what a run did, and the proof of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drp.cli.verbs.session import Do, Session
from drp.commands.journal_view import Archive
from drp.commands.report import report_run
from drp.commands.results import Result


def report(session: Session) -> Result:
    workshop, invocation = session.open(), session.invocation
    archive = Archive(session.state, workshop.witness, workshop.inventory)
    _, records = archive.recall(invocation.subject, verb="report")
    return report_run(records, html=None if session.common.dry_run else invocation.html)


DO: Final[Mapping[str, Do]] = {"report": report}
