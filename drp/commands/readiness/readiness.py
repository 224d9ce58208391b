"""Could we fail over now: everything a failover would need, looked at beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drp.actions.action import WritePorts
from drp.commands.check.looks import Trouble
from drp.commands.check.survey import Survey
from drp.commands.estimates import expect
from drp.commands.readiness.asking import ask_all, with_command
from drp.commands.readiness.fit import Fit, find_fit
from drp.commands.readiness.results import Cause, Readiness, TenantReadiness
from drp.errors import DrpError, RefusedError, UsageError
from drp.model.inventory import Inventory, Tenant
from drp.model.values import render_list
from drp.witness.epochs import Serving
from drp.witness.leases import IsAlive
from drp.witness.proofs import Proof
from drp.witness.runs import ALL, RunReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """``source`` "": the site that serves most of them; ``target`` "": the only other one."""

    tenants: tuple[str, ...]
    source: str = ""
    target: str = ""
    with_fit: bool = False


def judge_readiness(ports: WritePorts, question: Question, *, is_alive: IsAlive) -> Readiness:
    """Look at everything now. What it writes are the canaries of ``drp check``, taken away again.

    Raises UsageError for a site there is not, RefusedError when it is not clear which sites are meant, or
    nobody is served at the one.
    """
    survey = Survey(ports, is_alive=is_alive)
    try:
        served = {name: survey.serving(name) for name in question.tenants}
    except DrpError as error:
        return _without_witness(survey, question, error)
    source, target = _choose_sites(ports.inventory, question, served)
    tenants, left_out = _select(ports.inventory, served, source)
    site = ports.inventory.sites[target]
    causes = ask_all(survey, site, tenants)
    fit = find_fit(survey, target, tenants)
    causes += fit.causes
    return Readiness(
        at=ports.clock.now(),
        source=source,
        target=target,
        tenants=tuple(_judge(survey, tenant, fit, causes) for tenant in tenants),
        causes=tuple(cause for cause in causes if not cause.tenant),
        left_out=left_out,
        hosts=fit.hosts,
        duration=expect(RunReader(ports.store(ports.inventory.witness)), "failover", ALL),
        with_fit=question.with_fit,
    )


def _without_witness(survey: Survey, question: Question, error: DrpError) -> Readiness:
    """Nobody can tell who is served where, and no failover could begin."""
    trouble = Trouble(message=error.message, hint=error.hint, code=error.page or "B4")
    cause = Cause(reason="witness", trouble=with_command("witness", trouble))
    return Readiness(
        at=survey.ports.clock.now(),
        source=question.source or "unknown",
        target=question.target or "unknown",
        tenants=tuple(TenantReadiness(tenant=name) for name in question.tenants),
        causes=(cause,),
        left_out={},
        could_look=False,
    )


def _choose_sites(
    inventory: Inventory, question: Question, served: Mapping[str, Serving | None]
) -> tuple[str, str]:
    for site in (question.source, question.target):
        if site and site not in inventory.sites:
            raise UsageError(
                f"cannot judge '{site}': there is no such site",
                hint=f"Known: {render_list([*inventory.sites])}; see `drp config show`.",
            )
    source = question.source or _find_source(question, served)
    others = [site for site in inventory.sites if site != source]
    if question.target == source or (not question.target and len(others) != 1):
        raise RefusedError(
            f"cannot judge a failover from '{source}': it is not clear where to",
            hint="Say it, as in `drp readiness --from dc3 --to dc5`.",
        )
    return source, question.target or others[0]


def _find_source(question: Question, served: Mapping[str, Serving | None]) -> str:
    """Of equal ones the first by name. Raises RefusedError when nobody is served elsewhere."""
    sites = [serving.site for serving in served.values() if serving and serving.site != question.target]
    if not sites:
        raise RefusedError(
            "cannot judge a failover of 'nobody': none of these tenants is served",
            hint="See who serves with `drp status`.",
        )
    return max(sorted(set(sites)), key=sites.count)


def _select(
    inventory: Inventory, served: Mapping[str, Serving | None], source: str
) -> tuple[list[Tenant], dict[str, str]]:
    """Who would move, and why the others would not. Raises RefusedError for nobody."""
    moving = [inventory.tenants[name] for name, found in served.items() if found and found.site == source]
    left_out = {
        name: f"served by {found.site if found else 'nobody'}"
        for name, found in served.items()
        if not found or found.site != source
    }
    if not moving:
        raise RefusedError(
            f"cannot judge a failover from '{source}': it serves none of these tenants",
            hint="See who serves with `drp status`.",
        )
    return moving, left_out


def _judge(survey: Survey, tenant: Tenant, fit: Fit, causes: Sequence[Cause]) -> TenantReadiness:
    proof = _find_proof(survey, tenant.name)
    return TenantReadiness(
        tenant=tenant.name,
        host=fit.places.get(tenant.name, ""),
        loss_s=survey.backup(tenant.name).age_s,
        proof_at=proof.moment if proof else None,
        rto_s=proof.rto_s if proof else None,
        causes=tuple(cause for cause in causes if cause.tenant == tenant.name),
    )


def _find_proof(survey: Survey, tenant: str) -> Proof | None:
    """That a look could not be made is told by that look."""
    try:
        found = survey.proof(tenant)
    except DrpError:
        return None
    return found if found is not None and found.ok else None
