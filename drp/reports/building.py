"""A report from a journal: a function of its records and of nothing else, so two readers get one text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from drp.engine.fold import RunState, fold
from drp.engine.journal import Record, hash_of
from drp.model.values import SHOWN, JsonMap
from drp.reports.comparisons import compare_steps, is_proof
from drp.reports.facts import find_end, find_judgement, header_of, map_of, maps_of, text_of, texts_of
from drp.reports.model import Report, Session, TenantReport, Wave
from drp.reports.spans import Spans
from drp.reports.tenants import ASIDE, TenantBuilder

_DID: Final = {"plan": "began", "resumed": "resumed", "cancel": "asked to cancel", "turn": "turned back"}


def build_report(records: Sequence[Record]) -> Report:
    """Raises JournalError when the records are not one run's whole story up to some moment."""
    state = fold(records)
    header, judged = header_of(records), find_judgement(records)
    promises, spans = map_of(header.get("promises")), Spans(records, state)
    builder = TenantBuilder(records, state, header=header, judged=judged, spans=spans)
    waves = _find_waves(state, builder.names())
    tenants = _build_tenants(builder, waves)
    status, note = _judge(state, judged)
    code, order = judged.get("exit_code"), _describe_order(header, judged)
    return Report(
        run=state.plan.run,
        verb=text_of(map_of(header.get("order")).get("verb")) or state.plan.runbook,
        order=order,
        status=status,
        exit_code=code if isinstance(code, int) else None,
        note=note,
        source=builder.source,
        target=builder.target,
        began=records[0].time,
        ended=find_end(records),
        zone=text_of(promises.get("zone")) or "UTC",
        drp=text_of(header.get("drp")),
        machine=text_of(header.get("machine")),
        config_digest=text_of(header.get("inventory")),
        plan_digest=state.plan.digest(),
        sessions=_find_sessions(records),
        answers=_find_answers(records),
        stages=spans.whole(),
        waves=_count_waves(waves, tenants),
        tenants=tenants,
        comparisons=compare_steps((step, out) for step, out in builder.shared() if is_proof(step, out)),
        predicted_s=builder.predicted_s,
        measured_s=round((find_end(records) - records[0].time).total_seconds(), 3),
        steps=len(state.plan.steps),
        steps_done=sum(step.holds for step in state.steps.values()),
        next=_next(state.plan.run, status, tenants, again=order if builder.is_single else ""),
        records=len(records),
        head=hash_of(records[-1].to_bytes()),
    )


def _judge(state: RunState, judged: JsonMap) -> tuple[str, str]:
    """Status and what is missing; never better than what was seen."""
    if judged:
        return text_of(judged.get("status")), ""
    if state.ended is None:
        return "open", "the run has not ended: it goes on, or was interrupted"
    return "unknown", f"its steps ended as {state.ended}; who served then was not recorded"


def _build_tenants(builder: TenantBuilder, waves: Mapping[str, Sequence[str]]) -> tuple[TenantReport, ...]:
    wave_of = {name: wave for wave, members in waves.items() for name in members}
    names = builder.names()
    built = [builder.build(name, wave=wave_of.get(name, "")) for name in names]
    skipped = [builder.skip(name, reason) for name, reason in builder.left_out().items() if name not in names]
    return (*built, *skipped)


def _find_waves(state: RunState, names: Sequence[str]) -> dict[str, Sequence[str]]:
    """Wave -> its tenants. A gate stands before each wave but the first and names those it waits for."""
    gates = maps_of(state.plan.inputs.get("waves"))
    if not gates:
        return {}
    found: dict[str, Sequence[str]] = {
        text_of(each.get("after")): texts_of(each.get("before")) for each in gates
    }
    placed = {name for members in found.values() for name in members}
    found[text_of(gates[-1].get("name"))] = [name for name in names if name not in placed]
    return found


def _count_waves(waves: Mapping[str, Sequence[str]], tenants: Sequence[TenantReport]) -> tuple[Wave, ...]:
    statuses = {each.tenant: each.status for each in tenants}
    return tuple(
        Wave(
            name=name,
            tenants=tuple(members),
            counts=dict(sorted(Counter(statuses[each] for each in members).items())),
        )
        for name, members in waves.items()
    )


def _describe_order(header: JsonMap, judged: JsonMap) -> str:
    """As it was typed, as far as the journal knows."""
    order = map_of(header.get("order"))
    verb, site = text_of(order.get("verb")), text_of(order.get("site"))
    if not verb:
        return ""
    tenants = (text_of(order.get("tenant")),) if "tenant" in order else texts_of(order.get("tenants"))
    if "tenant" in order:
        return _one_order(verb, tenants[0], site)
    source = text_of(judged.get("from"))
    verb = "drill run" if verb == "drill" else verb
    sites = (f" --from {source}" if source else "") + (
        f" --to {site}" if site and verb not in ("start", "drill run") else ""
    )
    if len(tenants) > SHOWN:
        return f"drp {verb}{sites}, {len(tenants)} tenants"
    return f"drp {verb}{sites} --tenants {','.join(tenants)}"


def _one_order(verb: str, tenant: str, site: str) -> str:
    option = {"migrate": "--to", "failback": "--to", "retire": "--from"}.get(verb)
    return f"drp {verb} {tenant}" + (f" {option} {site}" if option and site else "")


def _find_sessions(records: Sequence[Record]) -> tuple[Session, ...]:
    """Turns at the run, in their order: one for each actor and lease."""
    groups: dict[tuple[str, int], list[Record]] = {}
    for record in records:
        groups.setdefault((record.actor, record.epoch), []).append(record)
    return tuple(
        Session(
            actor=actor,
            lease=lease,
            began=mine[0].time,
            ended=mine[-1].time,
            did=tuple(dict.fromkeys(_DID[record.kind] for record in mine if record.kind in _DID)),
        )
        for (actor, lease), mine in groups.items()
    )


def _find_answers(records: Sequence[Record]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text_of(r.data.get("answer")) for r in records if r.kind == "answer"))


def _next(run: str, status: str, tenants: Sequence[TenantReport], *, again: str) -> str:
    """What to type; ``again``: the order, where it is for one tenant."""
    tail = run.rsplit("-", 1)[-1]
    if status in ("unknown", "stuck"):
        return "drp status"
    if status in ("open", "cancelled", "waiting"):
        return f"drp resume {tail}"
    if status == "partial":
        is_aside = any(each.status in ASIDE for each in tenants)
        return f"drp retry {tail} --failed" if is_aside and not again else f"drp resume {tail}"
    return again if status in ("as-before", "refused") else ""
