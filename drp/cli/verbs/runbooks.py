"""Verbs about runbooks as files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drp.cli.verbs.session import Do, Session
from drp.commands import runbooks
from drp.commands.results import Result
from drp.commands.wiring import find_runbooks
from drp.errors import UsageError


def lint(session: Session) -> Result:
    return runbooks.lint_runbooks(find_runbooks(session.places()), session.invocation.names)


def show(session: Session) -> Result:
    return runbooks.show_runbook(find_runbooks(session.places()), session.invocation.subject)


def graph(session: Session) -> Result:
    folder, invocation = find_runbooks(session.places()), session.invocation
    if not invocation.svg and not session.common.json:
        hint = f"Print it with `drp runbook graph {invocation.subject} --svg -`."
        raise UsageError(f"cannot draw '{invocation.subject}': missing option '--svg'", hint=hint)
    return runbooks.draw_runbook(folder, invocation.subject, invocation.svg, dry_run=session.common.dry_run)


DO: Final[Mapping[str, Do]] = {"runbook lint": lint, "runbook show": show, "runbook graph": graph}
