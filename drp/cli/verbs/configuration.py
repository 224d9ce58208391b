"""Verbs about the configuration and its secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drp.cli.verbs.session import Do, Session
from drp.commands import configure, sealing
from drp.commands.events import QuestionEvent
from drp.commands.results import Result


def config_init(session: Session) -> Result:
    return configure.init_config(session.common.config, dry_run=session.common.dry_run)


def config_show(session: Session) -> Result:
    return configure.show_config(session.common.config, session.invocation.subject)


def config_schema(_: Session) -> Result:
    return configure.show_schema()


def secrets_init(session: Session) -> Result:
    return sealing.init_secrets(session.places(), dry_run=session.common.dry_run)


def secrets_set(session: Session) -> Result:
    answers, invocation = session.presenter.answers, session.invocation

    def confirm(text: str) -> bool:
        return answers.ask(QuestionEvent(code="replace", text=text, flag="--yes"))

    return sealing.set_secret(
        session.places(),
        invocation.subject,
        lambda: answers.secret(invocation.subject, invocation.file),
        confirm=confirm,
        dry_run=session.common.dry_run,
    )


def secrets_list(session: Session) -> Result:
    return sealing.list_secrets(session.places())


DO: Final[Mapping[str, Do]] = {
    "config init": config_init,
    "config show": config_show,
    "config schema": config_schema,
    "secrets init": secrets_init,
    "secrets set": secrets_set,
    "secrets list": secrets_list,
}
