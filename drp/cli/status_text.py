"""Who serves what, in words: what needs somebody comes first."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import Final

from drp.cli.words import count, cut, render_state
from drp.commands.events import NOBODY
from drp.commands.results import CLOSED, SILENT, BackupFact, BundleFact, RunFact, Served, StatusReport
from drp.commands.runs import tail_of
from drp.model.moments import render_clock
from drp.model.values import SHOWN, render_duration

_STEPS_SHOWN = 15

_NEEDS: Final = {"silent": ("✗", "resume"), "waiting": ("·", "approve"), "approved": ("·", "resume")}
"""Runs that need somebody: their mark, and the verb that takes care of them."""


def render_status(report: StatusReport, zone: tzinfo) -> list[str]:
    """The whole answer of ``drp status``, at most 24 lines."""
    troubled = [each for each in report.served if not each.writes]
    silent = [run for run in report.runs if run.status in _NEEDS]
    others = [run for run in report.runs if run.status not in _NEEDS]
    unsaved = [each for each in report.backups if not each.is_well]
    stale = [each for each in report.bundles if not each.is_well]
    needs = len(troubled) + len(silent) + len(unsaved) + len(stale)
    quiet = len(report.served) - len({each.tenant for each in troubled} | {each.tenant for each in unsaved})
    running = sum(run.status in ("running", "leased") for run in others)
    seen = f"seen {render_clock(report.at, zone)}"
    lines = [f"{needs} need{'s' if needs == 1 else ''} you · {running} running · {quiet} quiet   {seen}"]
    lines += _cut([_run(run, zone) for run in [*silent, *others]])
    lines += _cut([_served(each, zone) for each in troubled] + [_unsaved(each) for each in unsaved])
    lines += [_stale(each) for each in stale[: SHOWN // 2]]
    lines += [line for run in report.runs for line in _steps(run)]
    return [*lines, *_sites(report), *_backups(report), *_bundles(report)]


def _cut(lines: list[str]) -> list[str]:
    rest = len(lines) - SHOWN // 2
    return [*lines[: SHOWN // 2], f"  +{rest}: drp status --json"] if rest > 0 else lines


def _served(served: Served, zone: tzinfo) -> str:
    if served.site == NOBODY:
        return cut(f"! {served.tenant:<8} nobody serves it   drp deploy {served.tenant}")
    mark = "!" if served.is_proven else "?"
    return cut(f"{mark} {served.tenant:<8} {render_state(served, zone)}")


def _unsaved(fact: BackupFact) -> str:
    limit = render_duration(timedelta(seconds=fact.alarm_s))
    if fact.reason:
        return cut(f"? {fact.tenant:<8} backups: {fact.reason}   drp backups list {fact.tenant}")
    if fact.age_s is None:
        return cut(f"! {fact.tenant:<8} no backup of it can be read   drp backup {fact.tenant}")
    age = render_duration(timedelta(seconds=fact.age_s))
    return cut(f"! {fact.tenant:<8} newest backup {age} old, alarm at {limit}   drp backup {fact.tenant}")


def _stale(fact: BundleFact) -> str:
    """A bundle that a machine without drp should not have to start from."""
    if fact.reason:
        return cut(f"? bundle   {fact.store}: {fact.reason}   drp check bundles")
    age = "none is there" if fact.age_s is None else f"{_age(fact.age_s)} old, alarm at {_age(fact.alarm_s)}"
    return cut(f"! bundle   {fact.store}: {age}   drp bundle put")


def _bundles(report: StatusReport) -> list[str]:
    """Those that are well."""
    ages = [
        f"{each.store} {_age(each.age_s)} old"
        for each in report.bundles
        if each.is_well and each.age_s is not None
    ]
    return [cut(f"bundles  {', '.join(ages)}")] if ages else []


def _age(seconds: float) -> str:
    return render_duration(timedelta(seconds=round(seconds)))


def _backups(report: StatusReport) -> list[str]:
    """The oldest of those that are well: nobody is told of the others here."""
    ages = {each.tenant: each.age_s for each in report.backups if each.is_well and each.age_s is not None}
    if not ages:
        return []
    tenant = max(ages, key=lambda name: ages[name])
    age = render_duration(timedelta(seconds=ages[tenant]))
    return [f"backups  {len(ages)} of {len(report.backups)} in time, the oldest {age} old: {tenant}"]


def _run(run: RunFact, zone: tzinfo) -> str:
    tail, way = tail_of(run.run), " → ".join(end for end in (run.source, run.target) if end)
    mark, verb = _NEEDS.get(run.status, ("▶", "status"))
    began = render_clock(datetime.fromisoformat(run.began), zone)
    about = f"{run.tenant:<8} {tail} {run.verb} {way}".rstrip()
    return f"{mark} {about}, {run.status}, began {began} by {run.owner}   drp {verb} {tail}"


def _steps(run: RunFact) -> list[str]:
    """Of one run that was asked for: what is not yet done, then a count."""
    if not run.steps:
        return []
    open_steps = {step: state for step, state in run.steps.items() if state not in ("done", "already")}
    lines = [f"  {state:<8} {step}" for step, state in [*open_steps.items()][:_STEPS_SHOWN]]
    rest = len(open_steps) - _STEPS_SHOWN
    done = len(run.steps) - len(open_steps)
    head = f"  {run.run}: {done} of {count(len(run.steps), 'step')} done"
    return [head, *lines, *([f"  +{rest}: drp status {tail_of(run.run)} --json"] if rest > 0 else [])]


def _sites(report: StatusReport) -> list[str]:
    lines = []
    for site in report.sites:
        serving = sum(each.site == site for each in report.served)
        aside = "".join(
            f" · {state}: {cut(', '.join(hosts))}"
            for state in (CLOSED, SILENT)
            if (hosts := [each.host for each in report.edges if (each.site, each.state) == (site, state)])
        )
        lines.append(f"{site}  {serving} of {len(report.served)} serving{aside}")
    return lines[:SHOWN]
