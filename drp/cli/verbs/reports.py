"""Verbs about what a run did, and the proof of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from drp.cli.verbs.session import Do, Session
from drp.commands import evidence
from drp.commands.desk import Workshop
from drp.commands.journal_view import Archive
from drp.commands.report import report_run
from drp.commands.results import Listing, Result
from drp.config.load import load_inventory
from drp.engine.journal import Record


def report(session: Session) -> Result:
    workshop, invocation = session.open(), session.invocation
    records = _recall(session, workshop, invocation.subject)
    if session.common.dry_run:
        return report_run(records)
    found = report_run(records, html=invocation.html)
    if invocation.out is None:
        return found
    line = evidence.write_evidence(workshop, records, invocation.out)
    return replace(found, lines=(*found.lines, line))


def verify(session: Session) -> Result:
    """By the keys that were named, else by the configuration of this machine."""
    invocation, config = session.invocation, session.common.config
    assert invocation.file is not None
    if invocation.is_against_journal:
        workshop = session.open()
        trusted = evidence.trust(workshop.inventory, invocation.names)
        journal = _recall(session, workshop, evidence.run_of(invocation.file))
        return evidence.verify(invocation.file, trusted, journal=journal)
    known = load_inventory(config) if config.is_dir() and not invocation.names else None
    return evidence.verify(invocation.file, evidence.trust(known, invocation.names))


def extract(session: Session) -> Result:
    workshop, invocation = session.open(), session.invocation
    assert invocation.out is not None
    records = _recall(session, workshop, invocation.subject)
    if session.common.dry_run:
        return Listing(lines=(f"would write {invocation.out}",), data={"file": str(invocation.out)})
    return evidence.write_extract(workshop, records, tenant=invocation.names[0], out=invocation.out)


def _recall(session: Session, workshop: Workshop, word: str) -> Sequence[Record]:
    archive = Archive(session.state, workshop.witness, workshop.inventory)
    return archive.recall(word, verb="report")[1]


DO: Final[Mapping[str, Do]] = {"report": report, "evidence verify": verify, "evidence extract": extract}
