"""The verb that judges a failover beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drp.cli.verbs.session import Do, Session
from drp.commands.fleet.results import AnyResult
from drp.commands.readiness.readiness import Question, judge_readiness


def readiness(session: Session) -> AnyResult:
    invocation, workshop = session.invocation, session.open()
    question = Question(
        tenants=invocation.selection.find(workshop.inventory, invocation.verb),
        source=invocation.source,
        target=invocation.site,
        with_fit=invocation.fit,
    )
    return judge_readiness(workshop.ports, question, is_alive=workshop.is_alive)


DO: Final[Mapping[str, Do]] = {"readiness": readiness}
