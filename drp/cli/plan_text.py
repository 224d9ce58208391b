"""A plan in words: way, way back, what each stage does, what stays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from drp.cli.words import WIDTH, count, cut, render_place, render_seconds, wrap
from drp.commands.estimates import Estimate
from drp.commands.results import Review, Verdict

_MARKS = {"already": "✓", "would": "+", "cannot-tell": "?"}
_PER_STAGE = 3
"""Kinds of actions named for a stage; the rest is "+n"."""


def render_review(review: Review, *, verbose: bool = False, explain: bool = False) -> list[str]:
    """The plan as ``drp plan`` prints it and as it is shown before the question."""
    lines = [_headline(review), *_rows(review)]
    lines += _steps(review, explain=explain) if verbose or explain else _stages(review)
    lines += [_stays(review)] if _stays(review) else []
    counts = f"{review.count('would')} would, {review.count('already')} already"
    more = " · all: -v · why: --explain" if not (verbose or explain) else ""
    total = count(len(review.verdicts), "step")
    lines.append(f"{total}: {counts}, {review.count('cannot-tell')} cannot tell{more}")
    return [*lines, f"plan {review.digest} · run it: drp {review.command}"]


def _headline(review: Review) -> str:
    way = " → ".join(end for end in (review.source, review.target) if end)
    return f"{review.verb} {review.tenant} ({review.env}, {review.tier})  {way}".rstrip()


def _row(label: str, text: str) -> str:
    return cut(f"  {label:<15} {text}")


def _rows(review: Review) -> list[str]:
    rows = []
    actions = {step.action for step in review.plan.steps}
    if "edge.hold" in actions:
        bar = render_seconds(review.freeze_s)
        rows.append(_row("outage", f"requests wait, at most {bar}; beyond it the move is rolled back"))
    if "content.equal" in actions:
        rows.append(_row("loss", "none: both databases are read back and compared before the switch"))
    if review.duration is not None:
        rows.append(_row("duration", _duration(review.duration)))
    return [*rows, _row("way back", _way_back(review))]


def _duration(found: Estimate) -> str:
    spread, off = render_seconds(found.spread_s), round(found.off * 100)
    return f"{render_seconds(found.seconds)} ± {spread} (last {found.runs}: {off} % off)"


def _way_back(review: Review) -> str:
    if review.plan.on_failure in ("continue", "quarantine"):
        return "none on its own: what fails is left as it is, the rest goes on"
    if review.plan.on_failure != "roll-back":
        return "none: what is removed is gone; a failure stops the run where it is"
    final = next((n for n, step in enumerate(review.plan.steps, 1) if step.final), None)
    if final is None:
        return "automatic to the end"
    step = review.plan.steps[final - 1]
    return f"automatic until step {final} '{step.id}'; later a new migration"


def _stages(review: Review) -> list[str]:
    return [
        _row(stage, _kinds([each for each in review.verdicts if each.step.stage == stage]))
        for stage in review.plan.stages()
    ]


def _kinds(verdicts: Sequence[Verdict]) -> str:
    changes = [each for each in verdicts if not each.step.read_only]
    kinds = Counter(each.step.action for each in changes)
    named = [f"{number} {action}" for action, number in kinds.most_common(_PER_STAGE)]
    rest = len(changes) - sum(number for _, number in kinds.most_common(_PER_STAGE))
    looks = len(verdicts) - len(changes)
    parts = [*named, *([f"+{rest} more"] if rest else []), *([count(looks, "look")] if looks else [])]
    return ", ".join(parts)


def _steps(review: Review, *, explain: bool) -> list[str]:
    lines = []
    for number, verdict in enumerate(review.verdicts, 1):
        lines.append(_step(number, verdict))
        if explain:
            lines += [f"       {line}" for line in _why(verdict)]
    return lines


def _step(number: int, verdict: Verdict) -> str:
    step = verdict.step
    final = " · no way back after this" if step.final else ""
    detail = f" · {verdict.detail}" if verdict.detail else ""
    return cut(
        f"{_MARKS[verdict.word]} {number:>3} {step.stage:<15} {step.id} ({step.action}){final}{detail}"
    )


def _why(verdict: Verdict) -> list[str]:
    """The line that made the step, for whom, and all it waits for."""
    step = verdict.step
    rows = [f"why   {render_place(step.place)}"] if step.place else []
    rows += [f"for   {step.scope}"] if step.scope else []
    rows += [f"needs {', '.join(sorted(step.needs))}"] if step.needs else []
    rows += [f"after {', '.join(sorted(step.after))}"] if step.after else []
    rows += [f"asks  {step.approval}"] if step.approval else []
    return [line for row in rows for line in wrap(row, WIDTH - 7)]


def _stays(review: Review) -> str:
    if review.verb != "migrate" or not review.source:
        return ""
    site = review.source.partition("/")[0]
    return _row("stays", f"= old stack at {site}, stopped, until `drp retire {review.tenant} --from {site}`")
