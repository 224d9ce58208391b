"""Runbooks as files: are they right, what do they do, in what order. Reads no configuration and no world."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from drp.actions.catalogue import action_specs
from drp.commands.results import Listing
from drp.errors import ConfigError, Problem, RefusedError, UsageError
from drp.model.values import Json
from drp.runbooks.complaints import LINT
from drp.runbooks.drawing import draw
from drp.runbooks.lint import lint
from drp.runbooks.outline import Outline, graph_json, outline, outline_json
from drp.runbooks.table import render_outline, summary


def lint_runbooks(folder: Path, names: Sequence[str]) -> Listing:
    """These runbooks, or all of the folder. Raises ConfigError with every problem of all of them."""
    paths = [_find(folder, name, "lint") for name in names] or sorted(folder.glob("*.yml"))
    problems: dict[tuple[str, str], Problem] = {}
    for path in paths:
        found = lint(path, action_specs())
        problems.update({(str(problem.place), problem.message): problem for problem in found})
    if problems:
        raise ConfigError(list(problems.values()), again=LINT)
    outlines = [outline(path, action_specs()) for path in paths]
    data: list[Json] = [
        {"runbook": each.runbook.name, "stages": len(each.stages), "steps": len(each.steps)}
        for each in outlines
    ]
    return Listing(
        lines=tuple(f"✓ {each.runbook.name:<10} {summary(each)}" for each in outlines),
        data={"runbooks": data},
        summary=f"{len(outlines)} of {len(outlines)} well",
    )


def show_runbook(folder: Path, name: str) -> Listing:
    """Its stages and steps as a table. Raises ConfigError, UsageError."""
    found = _open(folder, name, "show")
    return Listing(lines=tuple(render_outline(found)), data=outline_json(found), summary=summary(found))


def draw_runbook(folder: Path, name: str, svg: str, *, dry_run: bool) -> Listing:
    """Its steps as a picture, written to the file ``svg`` (``-``: into the answer, "": not at all).

    Raises ConfigError, UsageError; RefusedError when the file cannot be written.
    """
    found = _open(folder, name, "draw")
    data = graph_json(found)
    if svg in ("", "-"):
        return Listing(lines=tuple(draw(found)), data=data)
    if not dry_run:
        try:
            Path(svg).write_text("\n".join([*draw(found), ""]), encoding="utf-8")
        except OSError as error:
            raise RefusedError(f"cannot write '{svg}': {error.strerror}") from error
    verb = "would write" if dry_run else "wrote"
    return Listing(lines=(f"{verb} {svg}",), data={**data, "file": svg}, summary=summary(found))


def _open(folder: Path, name: str, verb: str) -> Outline:
    return outline(_find(folder, name, verb), action_specs())


def _find(folder: Path, name: str, verb: str) -> Path:
    path = folder / f"{name}.yml"
    if "/" in name or not path.is_file():
        known = ", ".join(sorted(each.stem for each in folder.glob("*.yml"))) or "none"
        raise UsageError(f"cannot {verb} '{name}': '{folder}' has no such runbook", hint=f"Known: {known}.")
    return path
