"""The final block of a run: who serves, what it rests on, what comes next; at most 24 lines."""

from __future__ import annotations

from datetime import tzinfo

from drp.cli.words import WIDTH, count, render_seconds, render_state, render_who, wrap
from drp.commands.endings import DONE
from drp.commands.results import RunReport
from drp.commands.runs import tail_of
from drp.model.values import Json, render_list

_MARKS = {
    "done": "✓", "as-before": "✗", "refused": "✗", "stuck": "✗", "partial": "!",
    "unknown": "?", "cancelled": "-", "waiting": "·",
}  # fmt: skip


def render_end(report: RunReport, zone: tzinfo) -> list[str]:
    """The block that is printed last of all."""
    lines = _stages(report)
    lines += _done_rows(report, zone) if report.ending is DONE else _other_rows(report, zone)
    return [*_headline(report), *(part for line in lines for part in wrap(line))]


def _headline(report: RunReport) -> list[str]:
    """One line, or two when it would be too long for one."""
    run = f"{report.run} · {render_seconds(report.seconds)} · exit {report.ending.code}"
    verdict = f"{_MARKS[report.ending.word]} {_verdict(report)}"
    return [f"{verdict}   {run}"] if len(verdict) + len(run) + 3 <= WIDTH else [verdict, f"  {run}"]


def _verdict(report: RunReport) -> str:
    who = render_who(report.served)
    tenant = report.served.tenant
    match report.ending.word:
        case "done" if report.back:
            return f"done and proven: rolled back, {who} as before"
        case "done" if report.verb == "retire":
            return f"done and proven: the old stack is gone, {who}"
        case "done":
            return f"done and proven: {who}"
        case "as-before":
            return f"failed, as before: {who}"
        case "refused":
            return f"refused, nothing was touched: {who}"
        case "unknown":
            return f"unknown: drp cannot prove who serves {tenant}"
        case "partial":
            return f"partial: {who}, {count(len(report.open_steps), 'step')} not done"
        case "stuck":
            return f"stuck, hands needed: {who}"
    return f"{report.ending.word}: {who}"


def _stages(report: RunReport) -> list[str]:
    if not report.stages:
        return []
    return ["  " + " · ".join(f"{name} {render_seconds(s)}" for name, s in report.stages.items())]


def _row(label: str, text: str) -> str:
    return f"  {label:<11} {text}"


def _done_rows(report: RunReport, zone: tzinfo) -> list[str]:
    rows = [*_freeze(report), *_content(report.figures.get("content")), *_dns(report.figures.get("dns"))]
    rows.append(_row("proven", render_state(report.served, zone)))
    if report.home and report.home != report.served.site and not report.back:
        place = f" ({report.home_place})" if report.home_place else ""
        text = f"{report.served.tenant} says `home: {report.home}`{place}; change it if for good"
        rows.append(_row("config", text))
    if report.next:
        rows.append(_row("next", f"`{report.next}`, once the old addresses have drained"))
    return rows


def _freeze(report: RunReport) -> list[str]:
    found = report.figures.get("freeze_ms")
    if not isinstance(found, int):
        return []
    bar = f" (bar {render_seconds(report.freeze_bar_s)})" if report.freeze_bar_s else ""
    return [_row("freeze", f"{found / 1000:.1f} s{bar}")]


def _content(found: Json) -> list[str]:
    if not isinstance(found, dict):
        return []
    known = {"indexes": "index", "redis_keys": "Redis key"}
    parts = [
        count(value, known.get(name, name.removesuffix("s")))
        for name, value in found.items()
        if isinstance(value, int)
    ]
    return [_row("content", f"equal: {', '.join(parts)}")]


def _dns(found: Json) -> list[str]:
    if not isinstance(found, dict) or not found:
        return []
    values = sorted({str(value) for answer in found.values() for value in _as_list(answer)})
    return [_row("dns", f"{', '.join(values)} at all {count(len(found), 'server')}: {render_list([*found])}")]


def _as_list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [value]


def _other_rows(report: RunReport, zone: tzinfo) -> list[str]:
    rows = []
    if report.error is not None:
        rows.append(f"  {_message(report)}")
    step = f", {report.failed_step}" if report.failed_step else ""
    rows.append(f"    run    {tail_of(report.run)}{step}")
    rows.append(f"    state  {_state(report, zone)}")
    if report.open_steps and report.ending.word == "partial":
        rows.append(f"    open   {render_list(report.open_steps)}")
    return [*rows, f"    hint   {_hint(report)}", *_code(report)]


def _code(report: RunReport) -> list[str]:
    """Only failure modes: a page on a kind of error tells no more than the error itself."""
    code = report.error.code if report.error else ""
    return [f"    code   {code}, see `drp explain {code}`"] if code[:1].isupper() else []


def _message(report: RunReport) -> str:
    error = report.error
    if error is None or not error.verb:
        return error.cause if error else ""
    return f"cannot {error.verb} '{error.object}': {error.cause}"


def _state(report: RunReport, zone: tzinfo) -> str:
    own = f"{report.error.state}; " if report.error and report.error.state else ""
    return own + render_state(report.served, zone)


def _hint(report: RunReport) -> str:
    tail = tail_of(report.run)
    own = f"{report.error.hint} " if report.error and report.error.hint else ""
    match report.ending.word:
        case "as-before" | "refused":
            return f"{own}See `drp status {tail}`; try again with `drp {report.command}`."
        case "waiting":
            return f"Approve it with `drp approve {tail}`, or drop it with `drp rollback {tail}`."
        case "cancelled":
            return f"Go on with `drp resume {tail}`, or back with `drp rollback {tail}`."
        case "unknown":
            return f"Open nothing by hand. `drp resume {tail}` looks again; it never opens both."
    return f"{own}When it is cured, `drp resume {tail}`."
