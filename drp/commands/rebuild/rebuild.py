"""Both journal and copy of a run are lost: say what is there, and record a run that puts it in order.

Nothing is guessed. When the witness, the edges, DNS and a probe do not all name the same site, or an object
cannot be told to belong to anybody, drp stops and says what each of them says.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import ExitStack
from importlib.metadata import version
from typing import Final

from drp.commands.assignment import Assignment
from drp.commands.desk import Desk, Workshop
from drp.commands.endings import DONE, WAITING
from drp.commands.events import render_utc
from drp.commands.execution import Execution
from drp.commands.journals import read_records
from drp.commands.lease import hold_lease
from drp.commands.rebuild.cleaning import RUNBOOK, build_cleanup
from drp.commands.rebuild.survey import Found, Survey, find_disagreement, survey
from drp.commands.results import Listing
from drp.commands.runs import StateFolder, build_run_id, tail_of
from drp.commands.takeover import await_expiry
from drp.engine.journal import JournalError
from drp.errors import RefusedError, RejectedError
from drp.model.plan import Plan
from drp.model.values import Json, JsonMap
from drp.witness.epochs import EpochReader
from drp.witness.runs import RunBegin, RunEnd, RunReader, Runs

LOST: Final = "lost"
"""How a run ended whose memory is gone."""


def rebuild(desk: Desk, workshop: Workshop, word: str, *, dry_run: bool) -> Listing:
    """Look, and unless it is a dry run record what is to be done as a new run, and the lost ones as ended.

    Raises RefusedError when a journal is still there, when the sources disagree or ``word`` is nothing known;
    LeaseHeldError when somebody works on the tenant; and the ports' errors.
    """
    tenant = workshop.inventory.tenants[_find_tenant(workshop, word)]
    open_runs = [entry.begin for entry in RunReader(workshop.witness).iter_open(tenant.name)]
    _require_lost(desk, workshop, open_runs)
    seen = survey(workshop.ports, tenant)
    moved = find_disagreement(workshop.ports, seen)
    if moved:
        raise RefusedError(
            f"cannot rebuild '{tenant.name}': {moved}",
            state="; ".join(_tell_sources(seen)),
            hint=f"Settle by hand which is right; `drp status {tenant.name}` shows who serves.",
            page="B5",
        )
    run = build_run_id(RUNBOOK, desk.clock.now(), desk.tail())
    plan = build_cleanup(workshop.inventory, seen, _find_orphans(seen), run=run)
    if not dry_run:
        _record(desk, workshop, seen, plan, open_runs)
    return _report(seen, plan, open_runs, is_recorded=not dry_run)


def _find_tenant(workshop: Workshop, word: str) -> str:
    """A tenant, or that of a run: by the index, else by the epoch it claimed."""
    if word in workshop.inventory.tenants:
        return word
    entry = RunReader(workshop.witness).find(word)
    if entry is not None:
        return entry.begin.scope
    epochs = EpochReader(workshop.witness)
    for tenant in workshop.inventory.tenants:
        for epoch in range(1, epochs.next_epoch(tenant)):
            claim = epochs.find_claim(tenant, epoch)
            if claim is not None and (claim.run == word or tail_of(claim.run) == word):
                return tenant
    raise RefusedError(
        f"cannot rebuild '{word}': neither tenant nor run, and no epoch was claimed by it",
        hint="Name a tenant, as in `drp journal rebuild acme`.",
    )


def _require_lost(desk: Desk, workshop: Workshop, runs: Sequence[RunBegin]) -> None:
    for begin in runs:
        path = StateFolder(desk.state).journal(begin.run)
        try:
            records = read_records(path, workshop.witness, begin.run)
        except (JournalError, RejectedError):
            # Damaged here and not to be had from the witness: lost.
            continue
        if records:
            tail = tail_of(begin.run)
            raise RefusedError(
                f"cannot rebuild '{begin.run}': its journal is there, {len(records)} records",
                hint=f"Go on with `drp resume {tail}`, or take it back with `drp rollback {tail}`.",
            )


def _find_orphans(seen: Survey) -> list[Found]:
    """What a lost run has begun and never served; older stacks have served and are for `drp retire`."""
    serving = seen.serving.epoch if seen.serving is not None else 0
    return [each for each in seen.others if (each.instance.epoch or 0) > serving]


def _record(desk: Desk, workshop: Workshop, seen: Survey, plan: Plan, lost: Sequence[RunBegin]) -> None:
    tenant = seen.tenant.name
    folder = StateFolder(desk.state)
    folder.ensure()
    with ExitStack() as stack:
        expired = await_expiry(desk, workshop, lost[0]) if lost else None
        held = stack.enter_context(
            hold_lease(desk, workshop, tenant, run=plan.run, verb=RUNBOOK, expired=expired)
        )
        if plan.steps:
            Execution(desk, workshop, held, assignment=_assign(desk, workshop, seen, plan, lost)).announce()
        for begin in lost:
            _end_lost(desk, workshop, begin, plan)


def _end_lost(desk: Desk, workshop: Workshop, begin: RunBegin, plan: Plan) -> None:
    details: JsonMap = {"cleanup": plan.run if plan.steps else ""}
    end = RunEnd(
        run=begin.run,
        scope=begin.scope,
        status=LOST,
        exit_code=10,
        ended=render_utc(desk.clock.now()),
        details=details,
    )
    Runs(workshop.witness).end(end)


def _assign(desk: Desk, workshop: Workshop, seen: Survey, plan: Plan, lost: Sequence[RunBegin]) -> Assignment:
    runs: list[Json] = [begin.run for begin in lost]
    header: JsonMap = {
        "run": plan.run,
        "drp": version("drp"),
        "machine": socket.gethostname(),
        "plan": plan.digest(),
        "inventory": workshop.inventory.digest,
        "lost": runs,
        "seen": {step.id: "would" for step in plan.steps},
    }
    return Assignment(
        plan=plan,
        verb=RUNBOOK,
        before=seen.served,
        expected=seen.served.site,
        source="",
        target="",
        began=desk.clock.now(),
        header=header,
    )


def _report(seen: Survey, plan: Plan, lost: Sequence[RunBegin], *, is_recorded: bool) -> Listing:
    waits = bool(plan.steps) and is_recorded
    ending = WAITING if waits else DONE
    lines = [*_tell_sources(seen), *_tell_instances(seen)]
    lines += [f"lost      {begin.run} of {begin.owner}, begun {begin.began}" for begin in lost]
    found: list[Json] = [_instance_json(seen, each) for each in seen.found]
    steps: list[Json] = [step.id for step in plan.steps]
    data: JsonMap = {
        **seen.served.to_json(),
        "instances": found,
        "lost": [b.run for b in lost],
        "steps": steps,
    }
    if not plan.steps:
        summary = f"✓ all is in order, nothing is left of a lost run · exit {ending.code}"
    elif waits:
        data["run"] = plan.run
        summary = (
            f"· {len(plan.steps)} steps are to be done: drp resume {tail_of(plan.run)} · exit {ending.code}"
        )
    else:
        summary = f"· {len(plan.steps)} steps would be to be done; nothing was recorded · exit {ending.code}"
    return Listing(lines=tuple(lines), data=data, summary=summary, ending=ending)


def _tell_sources(seen: Survey) -> list[str]:
    serving, served = seen.serving, seen.served
    witness = "no epoch" if serving is None else f"epoch {serving.epoch} at {serving.site}/{serving.host}"
    routes = ", ".join(f"{host} {route or 'none'}" for host, route in seen.routes.items())
    held = f"; held at {', '.join(seen.held)}" if seen.held else ""
    names = ", ".join(f"{name} → {', '.join(values) or 'nowhere'}" for name, values in seen.names.items())
    return [
        f"serves    {served.site}" + (f" ({served.reason})" if served.reason else ""),
        f"witness   {witness}",
        f"edges     {routes}{held}",
        f"dns       {names}",
    ]


def _tell_instances(seen: Survey) -> list[str]:
    return [
        f"instance  {each.instance} on {each.place}: {len(each.containers)} containers ({each.running} "
        f"running), {len(each.volumes)} volumes, {len(each.networks)} links; {_belongs(seen, each)}"
        for each in seen.found
    ]


def _belongs(seen: Survey, found: Found) -> str:
    if found is seen.own:
        return "it serves"
    claim = f"of run {found.claim.run}" if found.claim is not None else "of a drill"
    serving = seen.serving.epoch if seen.serving is not None else 0
    if (found.instance.epoch or 0) > serving:
        return f"never served, {claim}"
    return f"an old stack, {claim}: drp retire {seen.tenant.name} --from {found.site}"


def _instance_json(seen: Survey, found: Found) -> JsonMap:
    return {
        "instance": str(found.instance),
        "site": found.site,
        "host": found.host,
        "serves": found is seen.own,
        "run": found.claim.run if found.claim is not None else "",
        "containers": [*found.containers],
        "volumes": [*found.volumes],
        "networks": [*found.networks],
    }
