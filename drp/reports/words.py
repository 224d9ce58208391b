"""Sentences that the page and the terminal share."""

from __future__ import annotations

from drp.reports.model import Comparison, Report, TenantReport
from drp.reports.page import render_count, render_seconds

_KNOWN = {"redis_keys": "Redis keys", "sealed_bytes": "sealed bytes", "held_s": "held", "waited_s": "waited"}


def say_verdict(report: Report) -> str:
    """What stands for the whole run."""
    moved = f" {report.source} → {report.target}" if report.source and report.target else ""
    if len(report.tenants) == 1 and not report.waves:
        only = report.tenants[0]
        return f"{report.verb} {only.tenant}{moved}: {say_who_serves(only)}"
    done = sum(each.status == "done" for each in report.tenants)
    asked = sum(each.status != "skipped" for each in report.tenants)
    skipped = f", {len(report.skipped)} skipped" if report.skipped else ""
    return f"{report.verb}{moved}: {done} of {asked} done{skipped}"


def say_who_serves(tenant: TenantReport) -> str:
    if tenant.status == "skipped":
        return f"{tenant.tenant} was skipped: {tenant.cause}"
    match tenant.serves:
        case "":
            return "who served at the end was not recorded"
        case "unknown":
            return "who serves was not proven"
        case "nobody":
            return "nobody serves it"
    return f"served by {tenant.serves}"


def say_numbers(found: Comparison) -> str:
    """``4,118 documents, 2 indexes``."""
    return ", ".join(_number(name, value) for name, value in found.numbers.items())


def _number(name: str, value: float) -> str:
    if name.endswith("_s"):
        return f"{_KNOWN.get(name, name.removesuffix('_s'))} {render_seconds(value)}"
    noun = _KNOWN.get(name, name)
    if value == 1:
        noun = noun.replace("indexes", "index").removesuffix("s")
    return f"{render_count(value)} {noun}"


def say_against(found: float | None, bar: float | None, nothing: str = "not recorded") -> str:
    """``4m08s (bar 30s)``; a bar that was not kept is said."""
    if found is None:
        return nothing
    text = render_seconds(found)
    if bar is None:
        return f"{text} (no bar set)"
    kept = ", missed" if found > bar else ""
    return f"{text} (bar {render_seconds(bar)}{kept})"


def say_prediction(predicted: float | None, measured: float | None) -> str:
    """``predicted 4m20s, took 4m06s: 5 % less``."""
    took = "not recorded" if measured is None else render_seconds(measured)
    if predicted is None or measured is None:
        return f"predicted: not recorded; took {took}"
    off = round((measured - predicted) / max(predicted, 1) * 100)
    way = "as predicted" if off == 0 else f"{abs(off)} % {'more' if off > 0 else 'less'}"
    return f"predicted {render_seconds(predicted)}, took {took}: {way}"


def say_content(tenant: TenantReport) -> str:
    """What was held against what, in few words."""
    content = tenant.content
    if not content:
        return "not compared"
    documents = content.get("documents")
    count = render_count(documents) if isinstance(documents, int | float) else "?"
    how = "equal" if content.get("equal") is True else "equal to its manifest"
    return f"{how}: {count} {'document' if documents == 1 else 'documents'}"


def say_dns(tenant: TenantReport) -> str:
    if not tenant.dns:
        return "not recorded"
    values = sorted({value for values in tenant.dns.values() for value in values})
    servers = len(tenant.dns)
    return f"{', '.join(values)} at {servers} {'server' if servers == 1 else 'servers'}"
