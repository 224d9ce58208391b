"""Verbs that only look."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drp.cli.verbs.session import Do, Session
from drp.commands.check.areas import check as look
from drp.commands.explain import explain as explain_code
from drp.commands.results import Result
from drp.commands.runs import tail_of
from drp.commands.status import Observer


def status(session: Session) -> Result:
    workshop = session.open()
    observer = Observer(workshop.ports, session.state, is_alive=workshop.is_alive)
    found = observer.status(session.invocation.subject)
    if not session.invocation.subject:
        session.keep_names(runs=[tail_of(run.run) for run in found.runs])
    return found


def check(session: Session) -> Result:
    workshop = session.open()
    return look(workshop.ports, session.invocation.areas, is_alive=workshop.is_alive)


def explain(session: Session) -> Result:
    return explain_code(session.invocation.subject)


DO: Final[Mapping[str, Do]] = {"status": status, "check": check, "explain": explain}
