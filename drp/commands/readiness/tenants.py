"""Looks at what one tenant needs at the target: a backup that opens and was proven, images, a certificate."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from drp.actions.history import find_newest
from drp.commands.backups.verifying import open_key
from drp.commands.check.looks import Trouble
from drp.commands.check.survey import Survey
from drp.errors import UnreachableError
from drp.model.inventory import Site, Tenant
from drp.model.values import render_duration, render_list


def check_proof(survey: Survey, tenant: Tenant) -> Trouble | None:
    """The last drill of the tenant ended well, and not too long ago."""
    found = survey.proof(tenant.name)
    bar = f"bar {render_duration(tenant.proof)}"
    if found is None:
        cause = "no restore of it was ever proven"
    elif not found.ok:
        cause = f"its last drill '{found.run}' failed: {found.reason or 'no reason is recorded'}"
    else:
        age = survey.ports.clock.now() - found.moment
        if age <= tenant.proof:
            return None
        cause = f"a restore was proven {render_duration(age)} ago ({bar})"
    return Trouble(
        message=f"cannot rely on backups of '{tenant.name}': {cause}",
        hint=f"Prove one with `drp drill run --tenants {tenant.name}`.",
    )


def check_key(survey: Survey, tenant: Tenant) -> Trouble | None:
    """The key of the newest backup opens with the tenant's private key. Of no backup, and of a store that is
    silent, other looks tell.
    """
    if not survey.backup(tenant.name).id:
        return None
    with suppress(UnreachableError):
        manifest = find_newest(survey.ports, tenant)
        if manifest is not None:
            open_key(survey.ports, tenant, manifest)
    return None


def check_images(survey: Survey, tenant: Tenant, site: Site) -> Trouble | None:
    """Every host of the target has what the tenant is started from."""
    lacking = {
        host.name: [who.partition("/")[2] for who in _own(survey.missing_images(site, host.name), tenant)]
        for host in site.hosts
    }
    told = [f"{host} has no image of {render_list(roles)}" for host, roles in lacking.items() if roles]
    if not told:
        return None
    return Trouble(
        message=f"cannot start '{tenant.name}' at '{site.name}': {'; '.join(told)}",
        hint=f"Bring them with `drp reserve --tenants {tenant.name}`.",
        code="C12",
    )


def check_own_images(survey: Survey, site: Site) -> Trouble | None:
    """drp's own containers too."""
    for host in site.hosts:
        missing = [who[0] for who in survey.missing_images(site, host.name) if "/" not in who[0]]
        if missing:
            return Trouble(
                message=f"cannot start anything on '{host.name}': it has no image of {render_list(missing)}",
                hint=f"Load them on '{host.name}', then `drp check images`.",
                code="C12",
            )
    return None


def check_contacts(survey: Survey, tenant: Tenant) -> Trouble | None:
    """Somebody is told when it was moved."""
    if tenant.contacts:
        return None
    return Trouble(
        message=f"cannot tell anybody of '{tenant.name}': it has no `contacts`",
        hint=f"Name them in the configuration; `drp config show {tenant.name}` tells where it stands.",
        place=survey.inventory.lines.get(f"tenants.{tenant.name}.home", ""),
        code="K2",
    )


def check_operators(survey: Survey) -> Trouble | None:
    if survey.inventory.policies.operators:
        return None
    return Trouble(
        message="cannot tell 'operators': the configuration names none",
        hint="Name them in `operators`, then `drp readiness`.",
        code="K2",
    )


def _own(missing: Sequence[Sequence[str]], tenant: Tenant) -> list[str]:
    return [who for names in missing for who in names if who.startswith(f"{tenant.name}/")]
