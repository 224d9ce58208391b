"""What is under way: open runs, leases, and epochs that the configuration does not know."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from drp.commands.check.looks import Look, Trouble
from drp.commands.check.survey import Survey
from drp.commands.runs import tail_of
from drp.witness.epochs import EpochReader
from drp.witness.leases import LeaseReader
from drp.witness.runs import RunEntry, RunReader


def look_at_runs(survey: Survey) -> Iterator[Look]:
    for tenant in survey.inventory.tenants:
        yield Look(area="runs", name=tenant, do=partial(_check_runs, survey, tenant))


def _check_runs(survey: Survey, tenant: str) -> Trouble | None:
    """No run of the tenant is open that nobody works on."""
    reader = survey.ports.store(survey.inventory.witness)
    held = LeaseReader(reader).find(tenant)
    for entry in RunReader(reader).iter_open(tenant):
        is_held = held is not None and not held.is_ended and held.lease.holder.run == entry.begin.run
        if not is_held or survey.is_alive(held.lease.holder) is False:  # type: ignore[union-attr]
            return _tell_silent(entry)
    return None


def _tell_silent(entry: RunEntry) -> Trouble:
    tail = tail_of(entry.begin.run)
    return Trouble(
        message=f"cannot begin another run of '{entry.begin.scope}': '{entry.begin.run}' of "
        f"{entry.begin.owner} has not ended and nobody works on it",
        hint=f"`drp resume {tail}` goes on with it, `drp rollback {tail}` takes it back.",
        code="B2",
        verdict="warning",
    )


def look_at_epochs(survey: Survey) -> Iterator[Look]:
    yield Look(area="epochs", name="tenants", do=partial(_check_tenants, survey))
    for tenant in survey.inventory.tenants:
        yield Look(area="epochs", name=tenant, do=partial(_check_epoch, survey, tenant))


def _check_tenants(survey: Survey) -> Trouble | None:
    """Every tenant that the witness knows stands in the configuration."""
    reader = EpochReader(survey.ports.store(survey.inventory.witness))
    unknown = [tenant for tenant in reader.tenants() if tenant not in survey.inventory.tenants]
    if not unknown:
        return None
    return Trouble(
        message=f"cannot look after '{', '.join(unknown)}': the witness knows it, the configuration does not",
        hint="Put it back, or remove its stack by hand if the client has left.",
        code="L10",
        verdict="warning",
    )


def _check_epoch(survey: Survey, tenant: str) -> Trouble | None:
    """The host that serves it is one of ours."""
    serving = survey.serving(tenant)
    if serving is None or serving.host in {host.name for host in survey.inventory.hosts()}:
        return None
    return Trouble(
        message=f"cannot find the stack of '{tenant}': the witness says '{serving.host}' at {serving.site} "
        "serves it, and the configuration has no such host",
        hint="Put the host back into the configuration, then `drp status` shows who serves.",
        code="L10",
    )
