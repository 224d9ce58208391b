"""Verbs about the backups that there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from drp.cli.verbs.session import Do, Session
from drp.commands.backups.listing import list_all
from drp.commands.backups.pruning import prune_all
from drp.commands.backups.verifying import verify_all
from drp.commands.desk import Workshop
from drp.commands.events import QuestionEvent
from drp.commands.results import Result


def show(session: Session) -> Result:
    workshop = session.open()
    return list_all(workshop.ports, _tenants(session, workshop))


def verify(session: Session) -> Result:
    workshop = session.open()
    return verify_all(workshop.ports, _tenants(session, workshop), deep=session.invocation.deep)


def prune(session: Session) -> Result:
    workshop, answers = session.open(), session.presenter.answers

    def confirm(text: str) -> bool:
        return answers.ask(QuestionEvent(code="prune", text=text, flag="--yes"))

    return prune_all(
        workshop.ports,
        session.state,
        _tenants(session, workshop),
        keep=session.invocation.keep,
        confirm=confirm,
        dry_run=session.common.dry_run,
    )


def _tenants(session: Session, workshop: Workshop) -> Sequence[str]:
    invocation = session.invocation
    return invocation.selection.find(workshop.inventory, invocation.verb)


DO: Final[Mapping[str, Do]] = {"backups list": show, "backups verify": verify, "backups prune": prune}
