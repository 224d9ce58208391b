"""Backups: kept where the tenant's site cannot take them along, and young enough."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from drp.actions.fleet import check_apart
from drp.commands.check.looks import Look, Trouble
from drp.commands.check.survey import Survey
from drp.errors import RefusedError
from drp.model.values import render_duration


def look_at_backups(survey: Survey) -> Iterator[Look]:
    for tenant in survey.inventory.tenants:
        yield Look(area="backups", name=tenant, do=partial(check_backup, survey, tenant))


def check_backup(survey: Survey, name: str) -> Trouble | None:
    """Of a tenant that is served."""
    tenant, serving = survey.inventory.tenants[name], survey.serving(name)
    if serving is None:
        return None
    try:
        check_apart(survey.inventory, tenant, serving.site)
    except RefusedError as error:
        return Trouble(message=error.message, hint=error.hint, code=error.page)
    found = survey.backup(name)
    if found.is_well:
        return None
    alarm = render_duration(tenant.backup_policy.alarm)
    if found.age_s is None:
        cause = found.reason or "there is none that can be read"
    else:
        cause = (
            f"its newest backup is {render_duration(timedelta(seconds=found.age_s))} old, alarm at {alarm}"
        )
    return Trouble(
        message=f"cannot restore '{name}' as of now: {cause}",
        hint=f"Take one with `drp backup {name}`.",
        code="D7",
    )
