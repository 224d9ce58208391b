"""The verb that judges a failover beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from drp.cli.verbs.session import Do, Session
from drp.commands.controller.drills import open_clerk
from drp.commands.desk import Workshop
from drp.commands.fleet.results import AnyResult
from drp.commands.readiness.page import render_readiness_page
from drp.commands.readiness.readiness import Question, judge_readiness
from drp.commands.readiness.results import Readiness
from drp.commands.report import write_whole
from drp.commands.schedule.clerk import Outlook


def readiness(session: Session) -> AnyResult:
    invocation, workshop = session.invocation, session.open()
    question = Question(
        tenants=invocation.selection.find(workshop.inventory, invocation.verb),
        source=invocation.source,
        target=invocation.site,
        with_fit=invocation.fit,
    )
    found = judge_readiness(workshop.ports, question, is_alive=workshop.is_alive)
    if invocation.html is not None:
        _write(session, workshop, found, invocation.html)
    return found


def _write(session: Session, workshop: Workshop, found: Readiness, path: Path) -> None:
    outlooks = _look_ahead(session, workshop) if found.could_look else ()
    page = render_readiness_page(found, outlooks=outlooks, zone=workshop.inventory.timezone)
    write_whole(path, page.encode())


def _look_ahead(session: Session, workshop: Workshop) -> Sequence[Outlook]:
    clerk = open_clerk(session.desk(), workshop)
    return [clerk.look_ahead(planned) for planned in clerk.book()]


DO: Final[Mapping[str, Do]] = {"readiness": readiness}
