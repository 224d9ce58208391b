"""Findings as lines and as JSON. What is well shares a line; one cause is told once, whoever met it."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import Final

from drp.commands.check.looks import Finding, Trouble, Verdict
from drp.commands.endings import DONE, FINDINGS
from drp.commands.results import Listing
from drp.model.values import Json, JsonMap

_MARKS: Final[dict[Verdict, str]] = {"finding": "✗", "warning": "!"}
_LABEL: Final = 10
_INDENT: Final = " " * (_LABEL + 4)
_WIDTH: Final = 100
_NO_BREAK: Final = "\N{NO-BREAK SPACE}"


def build_listing(areas: Sequence[str], findings: Sequence[Finding]) -> Listing:
    """Ends as ``findings`` for a finding; warnings alone end well."""
    bad, warned = (_of(findings, verdict) for verdict in ("finding", "warning"))
    grouped = _group([*bad, *warned])
    lines = [line for trouble, label in grouped.items() for line in tell_trouble(trouble, label)]
    troubled = list(dict.fromkeys(finding.area for finding in [*bad, *warned]))
    well = [_count(area, findings) for area in areas if area not in troubled]
    lines += _wrap(f"✓ {' · '.join(well)}", indent="  ") if well else []
    ending = FINDINGS if bad else DONE
    again = f" · again: drp check {' '.join(troubled)}" if troubled else ""
    left = len(findings) - len(bad) - len(warned)
    # one cause counts once, whoever met it
    problems = sum(trouble.verdict == "finding" for trouble in grouped)
    warnings = len(grouped) - problems
    counts = ", ".join([_plural(problems, "problem"), *([_plural(warnings, "warning")] if warned else [])])
    return Listing(
        lines=tuple(lines),
        data=_data(findings),
        summary=f"{'✗' if bad else '!' if warned else '✓'} {counts}, {left} well{again} · exit {ending.code}",
        ending=ending,
    )


def _of(findings: Sequence[Finding], verdict: str) -> list[Finding]:
    return [finding for finding in findings if finding.verdict == verdict]


def _group(findings: Sequence[Finding]) -> dict[Trouble, str]:
    """Trouble -> the areas that met it, joined."""
    areas: dict[Trouble, dict[str, None]] = {}
    for finding in findings:
        assert finding.trouble is not None
        areas.setdefault(finding.trouble, {})[finding.area] = None
    return {trouble: ", ".join(names) for trouble, names in areas.items()}


def tell_trouble(trouble: Trouble, label: str) -> list[str]:
    """What is not well, then where it stands and what to do; ``label``: what it is about, in a word."""
    code = f" ({trouble.code})" if trouble.code else ""
    lines = _wrap(f"{_MARKS[trouble.verdict]} {label:<{_LABEL}}  {trouble.message}{code}", indent=_INDENT)
    more = [trouble.place] if trouble.place else []
    more += [f"hint  {trouble.hint}"] if trouble.hint else []
    return [*lines, *_wrap(f"{_INDENT}{'   '.join(more)}", indent=f"{_INDENT}      ")] if more else lines


def _wrap(line: str, *, indent: str) -> list[str]:
    lines = wrap(line, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return [part.replace(_NO_BREAK, " ") for part in lines]


def _plural(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _count(area: str, findings: Sequence[Finding]) -> str:
    return f"{area}{_NO_BREAK}{sum(finding.area == area for finding in findings)}"


def _data(findings: Sequence[Finding]) -> JsonMap:
    listed: list[Json] = [_finding_json(finding) for finding in findings]
    return {"findings": listed}


def _finding_json(finding: Finding) -> JsonMap:
    data: JsonMap = {
        "area": finding.area,
        "name": finding.name,
        "verdict": finding.verdict,
        "well": finding.trouble is None,
        "deadline_s": finding.deadline_s,
    }
    if finding.trouble is not None:
        told = {key: getattr(finding.trouble, key) for key in ("message", "hint", "place", "code")}
        data |= {key: text for key, text in told.items() if text}
    return data
