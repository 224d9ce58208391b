"""Make a plan and look at the world with it: the same for a dry run, a question and a run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from drp.actions.orders import Order
from drp.commands.desk import Workshop
from drp.commands.estimates import expect
from drp.commands.results import Review, Verdict, Word
from drp.engine.tasks import OBSERVE, Failed, Outcome, Partial, Perform, Present, Task
from drp.errors import RefusedError
from drp.model.plan import Plan, Step, canonical
from drp.model.values import Json, JsonMap
from drp.witness.runs import RunReader

_PER_RUN: Final = ("run", "backup")
_PER_RUN_EACH: Final = ("new_backup",)
"""Parts of the facts, and of each tenant's, that are new in each run, and so say nothing about the world."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A plan with the facts it was made from."""

    order: Order
    facts: JsonMap
    plan: Plan


def propose(workshop: Workshop, order: Order) -> Proposal:
    """Raises RefusedError, ConfigError (the runbook's problems), and the ports' errors."""
    facts = workshop.gather(order)
    return Proposal(order=order, facts=facts, plan=workshop.compile(order, facts))


def review(workshop: Workshop, proposal: Proposal) -> Review:
    """Look at every step of the plan; nothing is changed."""
    order, facts, plan = proposal.order, proposal.facts, proposal.plan
    tenant = workshop.inventory.tenants[order.tenant]
    return Review(
        verb=order.verb,
        tenant=order.tenant,
        site=order.site,
        env=tenant.env,
        tier=tenant.tier,
        source=_place(facts, "source"),
        target=_place(facts, "target"),
        command=render_command(order),
        plan=plan,
        digest=world_digest(proposal),
        verdicts=tuple(iter_verdicts(plan, workshop.performer(plan.run, 0))),
        freeze_s=tenant.freeze.total_seconds(),
        facts=world_facts(facts),
        duration=expect(RunReader(workshop.witness), order.verb, order.tenant),
        inventory=workshop.inventory.digest,
    )


def iter_verdicts(plan: Plan, perform: Perform) -> Iterator[Verdict]:
    """Look at each step, giving it the outputs of those before it that are so already."""
    outputs: dict[str, JsonMap] = {}
    for step in plan.steps:
        seen = look(perform, step, outputs)
        if isinstance(seen, Present):
            outputs[step.id] = seen.outputs
        yield _verdict(step, seen)


def look(perform: Perform, step: Step, outputs: Mapping[str, JsonMap]) -> Outcome:
    """Observe one step. Whatever goes wrong, a missing output of a step before it included, is ``Failed``."""
    try:
        return perform(Task(step=step, phase=OBSERVE, attempt=1, inputs=dict(outputs)), _ignore)
    except Exception as error:
        return Failed.of(error)


def _ignore(_: JsonMap) -> None:
    """Looking makes no progress worth telling."""


def _verdict(step: Step, seen: Outcome) -> Verdict:
    words: dict[type, Word] = {Present: "already", Failed: "cannot-tell"}
    detail = seen.message if isinstance(seen, Failed) else seen.detail if isinstance(seen, Partial) else ""
    return Verdict(step=step, word=words.get(type(seen), "would"), detail=detail)


def world_digest(proposal: Proposal) -> str:
    """Names what a plan rests on; two plans of equal digest do the same to the same world."""
    steps: list[Json] = [[step.id, step.action] for step in proposal.plan.steps]
    basis: JsonMap = {"facts": world_facts(proposal.facts), "steps": steps}
    found = hashlib.sha256(canonical(basis)).hexdigest()
    return f"{found[:4]}-{found[4:8]}"


def world_facts(facts: Mapping[str, Json]) -> JsonMap:
    """The facts without what is new in each run."""
    kept = {name: value for name, value in facts.items() if name not in _PER_RUN}
    tenants = kept.get("tenants")
    if isinstance(tenants, list):
        kept["tenants"] = [_without_new(each) for each in tenants]
    return kept


def _without_new(tenant: Json) -> Json:
    if not isinstance(tenant, dict):
        return tenant
    return {name: value for name, value in tenant.items() if name not in _PER_RUN_EACH}


def check_same(digest: str, facts: JsonMap, proposal: Proposal, command: str) -> None:
    """Raises RefusedError, naming the first difference, when it is no more the plan of that digest.

    ``facts``: what that one was made from, or a part of it.
    """
    if world_digest(proposal) == digest:
        return
    now = {name: value for name, value in world_facts(proposal.facts).items() if name in facts}
    moved = find_difference(world_facts(facts), now) or "the runbook is another one"
    raise RefusedError(
        f"cannot apply plan '{digest}': {moved}",
        state="nothing was touched",
        hint=f"Look again with `drp plan {command}`.",
        page="A9",
    )


class Shown(Protocol):
    """A plan as it was shown."""

    @property
    def digest(self) -> str: ...

    @property
    def command(self) -> str: ...


def check_unmoved(workshop: Workshop, proposal: Proposal, review: Shown) -> None:
    """Gather the facts once more. Raises RefusedError when they are not those the plan was made from."""
    now = world_facts(workshop.gather(proposal.order))
    moved = find_difference(world_facts(proposal.facts), now)
    if moved:
        raise RefusedError(
            f"cannot apply plan '{review.digest}': {moved}",
            state="nothing was touched",
            hint=f"Look again with `drp plan {review.command}`.",
            page="A9",
        )


def find_difference(old: Json, new: Json, path: str = "") -> str:
    """The first place where two values differ, as ``names.0.old.0 is X, planned Y``; "" when equal."""
    if isinstance(old, dict) and isinstance(new, dict):
        keys = sorted(old.keys() | new.keys())
        parts = ((f"{path}.{key}" if path else key, old.get(key), new.get(key)) for key in keys)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        parts = ((f"{path}.{index}", *pair) for index, pair in enumerate(zip(old, new, strict=True)))
    else:
        return "" if old == new else f"{path} is {_short(new)}, planned {_short(old)}"
    return next((found for place, a, b in parts if (found := find_difference(a, b, place))), "")


def _short(value: Json) -> str:
    text = value if isinstance(value, str) else canonical(value).decode()
    return text if len(text) <= 40 else f"{text[:37]}…"


def _place(facts: JsonMap, end: str) -> str:
    """``dc3/h1`` of one end of the way, or "" when the verb has none there."""
    found = facts.get(end)
    if not isinstance(found, dict):
        return ""
    return "/".join(str(found[key]) for key in ("site", "host") if key in found)


def render_command(order: Order) -> str:
    """The words after ``drp`` that give this order."""
    if order.verb == "start":
        return f"start {order.host or order.tenants[0]}"
    if order.verb == "drill":
        at = f" --site {order.site}" if order.site else ""
        return f"drill run --tenants {','.join(order.tenants)}{at}"
    if order.tenants:
        ends = (f" --from {order.source}" if order.source else "") + (
            f" --to {order.site}" if order.site else ""
        )
        verb = "failover --mode planned" if order.verb == "planned" else order.verb
        return f"{verb}{ends} --tenants {','.join(order.tenants)}"
    option = {"migrate": f" --to {order.site}", "retire": f" --from {order.site}"}.get(order.verb, "")
    return f"{order.verb} {order.tenant}{option}"
