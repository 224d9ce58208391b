"""Orders for many tenants in words: what would happen, and how it ended; at most 24 lines at any size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta, tzinfo
from statistics import median
from typing import Final

from drp.actions.orders import MOVES
from drp.cli.drill_text import render_drill_end, render_drill_review
from drp.cli.sight_text import render_sight
from drp.cli.words import count, render_seconds, wrap
from drp.commands.fleet.results import FleetReport, FleetReview, TenantOutcome
from drp.commands.runs import tail_of
from drp.model.moments import render_moment
from drp.model.values import render_duration, render_list

_MOST: Final = 10
_MARKS: Final = {
    "done": "✓", "as-before": "✗", "refused": "✗", "stuck": "✗", "partial": "!",
    "unknown": "?", "cancelled": "-", "waiting": "·",
}  # fmt: skip
_STATUS_MARKS: Final = {
    "quarantined": "✗",
    "rolled-back": "✗",
    "unknown": "?",
    "waiting": "·",
    "skipped": "-",
}


def render_fleet_review(found: FleetReview, zone: tzinfo) -> list[str]:
    if found.verb == "drill":
        return render_drill_review(found)
    is_move = found.verb in MOVES
    way = f"  {found.source} → {found.target}" if found.source else f"  → {found.target}" if is_move else ""
    lines = [f"{found.order} {count(len(found.tenants), 'tenant')}{way}"]
    if is_move:
        lines += [
            _row("lost", "nothing: content is compared before each switch"),
            _row("at once", f"up to {count(found.at_once, 'tenant')}, each by a run of its own"),
            _row("way back", "automatic, each tenant by itself, until its edges are switched"),
        ]
    if found.losses:
        worst = max(found.losses, key=lambda name: found.losses[name])
        amounts = [*found.losses.values()]
        text = f"writes younger than the backups: median {_span(median(amounts))}"
        lines.append(_row("lost", f"{text} · worst {_span(found.losses[worst])} {worst}"))
    lines.append(_row("to", ", ".join(_place_counts(found.places))))
    lines += [_row("left out", text) for text in _limited(_reasons(found.left_out))]
    if found.verb == "failover":
        lines.append(_row("way back", f"`drp failback --to {found.source}` later, losing no write"))
    lines.append(
        f"{count(len(found.plan.steps), 'step')} · plan {found.digest} · run it: drp {found.command}"
    )
    seen = _sight(found, zone) if found.sight is not None else []
    return [*seen, *(part for line in lines for part in wrap(line))]


def _sight(found: FleetReview, zone: tzinfo) -> list[str]:
    assert found.sight is not None
    return render_sight(found.sight, moves=len(found.tenants), worst_loss_s=found.worst_loss_s, zone=zone)


def _place_counts(places: Mapping[str, str]) -> Iterator[str]:
    for place in sorted(set(places.values())):
        yield f"{place} {sum(other == place for other in places.values())}"


def render_fleet_end(report: FleetReport, zone: tzinfo) -> list[str]:
    """The final block: the headline, who is not done and why, what comes next."""
    if report.verb == "drill":
        return render_drill_end(report, zone)
    done, asked = report.count("done"), len(report.outcomes) - report.count("skipped")
    what = f"served by {report.target}" if report.verb in ("failover", "start", *MOVES) else "done"
    head = f"{_MARKS[report.ending.word]} {report.ending.word}: {done} of {asked} {what}"
    run = f"{report.run} · {render_seconds(report.seconds)} · exit {report.ending.code}"
    lines = [f"{head}   {run}"]
    bars = report.policies
    lines += _spans("RTO", [o.rto_s for o in report.outcomes], report, bar=bars.rto)
    if report.verb == "failover":
        lost = [o.rpo_s for o in report.outcomes if o.status == "done"]
        lines += [*_spans("RPO", lost, report, bar=bars.rpo), *_protection(report)]
    lines += _moved(report)
    held = [(o.tenant, n) for o in report.outcomes if isinstance(n := o.figures.get("documents"), int)]
    held = [] if report.verb == "failover" else held
    if held:
        each = render_list([f"{name} {count(number, 'document')}" for name, number in held])
        lines.append(_row("holds", each))
    lines += [_row("gap", f"the edge of {gap.host} hands nothing on: {gap.cause}") for gap in report.gaps]
    lines += _limited(_aside(report.outcomes), command=f"drp status {tail_of(report.run)}")
    proven = [o.served.probed for o in report.outcomes if o.served is not None]
    if proven:
        lines.append(_row("proven", f"probed {render_moment(max(proven), zone)}"))
    if report.error is not None:
        lines.append(_row("trouble", report.error.cause))
    if report.next:
        lines.append(_row("next", f"`{report.next}` once cured"))
    tail = tail_of(report.run)
    lines.append(_row("report", f"`drp report {tail} --html {tail}.html`"))
    return [part for line in lines for part in wrap(line)]


def _moved(report: FleetReport) -> list[str]:
    """What the moves of live tenants cost."""
    done = [o for o in report.outcomes if o.status == "done"]
    if report.verb not in MOVES or not done:
        return []
    frozen = {o.tenant: n / 1000 for o in done if isinstance(n := o.figures.get("freeze_ms"), int)}
    lines = [_row("lost", "no write: content was equal before each switch")]
    if frozen:
        worst = max(frozen, key=lambda name: frozen[name])
        text = f"median {_span(median(frozen.values()))} · worst {_span(frozen[worst])} {worst}"
        lines.append(_row("freeze", text))
    return [*lines, _row("stays", "the old stacks, stopped, until `drp retire TENANT --from SITE`")]


def _protection(report: FleetReport) -> list[str]:
    bare = {o.tenant: o.cause for o in report.outcomes if o.tenant in report.unprotected}
    if not bare:
        done = count(report.count("done"), "tenant")
        return [_row("protected", f"{done} by a backup of {report.target}")] if report.count("done") else []
    lines = [_row("unprotected", f"{name}  {cause or 'no backup yet'}") for name, cause in bare.items()]
    again = f"drp backup --tenants {','.join(bare)}"
    return [*_limited(lines), _row("", f"`{again}`")]


def _spans(
    label: str, found: Iterable[float | None], report: FleetReport, *, bar: timedelta | None
) -> list[str]:
    amounts = [amount for amount in found if amount is not None]
    if not amounts:
        return []
    worst = max(amounts)
    field = "rto_s" if label == "RTO" else "rpo_s"
    name = next((o.tenant for o in report.outcomes if getattr(o, field) == worst), "")
    text = f"median {_span(median(amounts))} · worst {_span(worst)} {name}"
    if bar is not None:
        above = sum(amount > bar.total_seconds() for amount in amounts)
        text += f" · bar {render_duration(bar)}" + (f", {above} above it" if above else "")
    return [_row(label, text)]


def _aside(outcomes: Iterable[TenantOutcome]) -> list[str]:
    return [
        f"  {_STATUS_MARKS[o.status]} {o.tenant}  {o.status}{_where(o)}  {o.cause}"
        for o in outcomes
        if o.status in _STATUS_MARKS
    ]


def _where(outcome: TenantOutcome) -> str:
    code = f"({outcome.code})" if outcome.code else ""
    serves = f", {outcome.served.site} serves" if outcome.served is not None else ""
    return f"{code}{serves}"


def _reasons(left_out: Mapping[str, str]) -> list[str]:
    return [f"{name}: {reason}" for name, reason in left_out.items()]


def _limited(lines: list[str], *, command: str = "") -> list[str]:
    more = f"  +{len(lines) - _MOST} more" + (f", see `{command}`" if command else "")
    return lines if len(lines) <= _MOST else [*lines[:_MOST], more]


def _span(seconds: float) -> str:
    return render_duration(timedelta(seconds=round(seconds, 1)))


def _row(label: str, text: str) -> str:
    return f"  {label:<9} {text}"
