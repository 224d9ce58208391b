"""Whether those who serve are reached, and reach, as promised."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from drp.actions.isolation import check_matrix, prove_standing
from drp.commands.check.looks import Look
from drp.commands.check.survey import Survey
from drp.model.names import Instance

_DEADLINE_S: Final = 120.0


def look_at_isolation(survey: Survey) -> Iterator[Look]:
    for tenant in survey.inventory.tenants:
        do = partial(_check_isolation, survey, tenant)
        yield Look(area="isolation", name=tenant, do=do, deadline_s=_DEADLINE_S)


def _check_isolation(survey: Survey, tenant: str) -> None:
    """Nothing but its own parts reaches the serving instance, and it reaches nothing but them."""
    serving = survey.serving(tenant)
    if serving is not None:
        instance = Instance.of_epoch(tenant, serving.epoch)
        check_matrix(prove_standing(survey.ports, serving.host, instance))
