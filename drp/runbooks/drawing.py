"""A runbook as a picture: SVG of its own, with no script and no reference to anything outside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from drp.runbooks.layout import HEIGHT, Box, Layout, lay_out, stage_caption
from drp.runbooks.outline import Outline, StageLine, StepLine
from drp.runbooks.table import render_length, summary

_STYLE: Final = """
text{font:12px ui-monospace,monospace;fill:#1a1a1a}
.head{font-size:18px;font-weight:bold}
.stage-name{font-weight:bold}
.action{font-size:11px}
.page{fill:#fff}
.stage{fill:#f4f4f4;stroke:#8a8a8a}
.step{fill:#fff;stroke:#0072b2;stroke-width:1.5}
.looks{stroke-dasharray:4 3}
.asks{stroke:#cc79a7;stroke-width:3}
.final{stroke:#d55e00;stroke-width:3}
.edge{fill:none;stroke:#5a5a5a}
.after{stroke-dasharray:2 3}
.tip{fill:#5a5a5a}
@media (prefers-color-scheme:dark){
text{fill:#f2f2f2}.page{fill:#141414}.stage{fill:#202020}.step{fill:#2b2b2b}
.edge{stroke:#b5b5b5}.tip{fill:#b5b5b5}}
""".strip()

_LEGEND: Final = (
    "dashed frame: only looks · double frame: once for each item · asks: asked before the run begins",
    "final: no way back after it · solid arrow: needs · dotted arrow: waits for the end, however it comes",
)


def draw(found: Outline) -> list[str]:
    """The lines of an SVG file."""
    captions = {step.id: _captions(step) for step in found.steps}
    layout = lay_out(found, captions)
    name, height = found.runbook.name, layout.height + 20 * len(_LEGEND)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {layout.width:g} {height:g}"'
        f' width="{layout.width:g}" height="{height:g}" role="img" aria-labelledby="title desc">',
        f'<title id="title">Runbook {escape(name)}: {summary(found)}</title>',
        f'<desc id="desc">{escape(_describe(found))}</desc>',
        f"<style>{_STYLE}</style>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7"'
        ' orient="auto"><path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>',
        '<rect class="page" width="100%" height="100%"/>',
        _text(layout.left, 32, f"{name} · {summary(found)}", "head"),
        _text(layout.left, 52, f"when a step fails: {found.runbook.on_failure}", "action"),
    ]
    lines += [_stage(stage, layout.stages[stage.name]) for stage in found.stages]
    lines += [*_stage_arrows(found, layout), *_step_arrows(found, layout)]
    lines += [_step(step, layout.steps[step.id], captions[step.id]) for step in found.steps]
    lines += [
        _text(layout.left, layout.height + 20 * row, text, "action") for row, text in enumerate(_LEGEND)
    ]
    return [*lines, "</svg>"]


def _captions(step: StepLine) -> tuple[str, str]:
    marks = [step.definition.do.name]
    marks += ["asks"] if step.asks else []
    return step.id, " · ".join([*marks, "final"] if step.is_final else marks)


def _describe(found: Outline) -> str:
    """The picture in words: every stage with what it waits for, every step with what it needs."""
    parts = []
    for stage in found.stages:
        definition = stage.definition
        waits = [f" needs {ref.name}" for ref in definition.needs]
        waits += [f" after {ref.name}" for ref in definition.after]
        parts.append(f"Stage {stage_caption(stage)}{','.join(waits)}: {'; '.join(map(_words, stage.steps))}.")
    return " ".join(parts)


def _words(step: StepLine) -> str:
    definition = step.definition
    words = f"{step.id} does {definition.do.name} within {render_length(definition.deadline)}"
    words += f" for each of {definition.loop.source}" if definition.loop is not None else ""
    words += ", only looks" if step.looks else ""
    words += ", final" if step.is_final else ""
    words += ", asked before the run" if step.asks else ""
    needs = [ref.name for ref in definition.needs]
    words += f", needs {', '.join(needs)}" if needs else ""
    after = [ref.name for ref in definition.after]
    return words + (f", after {', '.join(after)}" if after else "")


def _stage(stage: StageLine, box: Box) -> str:
    frame = f'<rect class="stage" {_place(box)} rx="6"/>'
    second = f'<rect class="stage" {_place(box, 4)} rx="6"/>' if stage.definition.loop is not None else ""
    return second + frame + _text(box.x + 12, box.y + 20, stage_caption(stage), "stage-name")


def _step(step: StepLine, box: Box, captions: Sequence[str]) -> str:
    kinds = ["step", *(["looks"] if step.looks else []), *(["asks"] if step.asks else [])]
    kinds += ["final"] if step.is_final else []
    frame = f'<rect class="{" ".join(kinds)}" {_place(box)} rx="4"/>'
    second = f'<rect class="step" {_place(box, 3)} rx="4"/>' if step.definition.loop is not None else ""
    first = _text(box.x + 10, box.y + 16, captions[0], "stage-name")
    return (
        f"<g id={quoteattr(f'step-{step.id}')}><title>{escape(_words(step))}</title>{second}{frame}"
        f"{first}{_text(box.x + 10, box.y + 30, captions[1], 'action')}</g>"
    )


def _step_arrows(found: Outline, layout: Layout) -> Iterator[str]:
    """Only what is written at the step: what its stage needs is the stage's arrow."""
    for step in found.steps:
        for edge in step.edges:
            if edge.pairs:
                way = [layout.steps[edge.to], *layout.ways.get((edge.to, step.id), ()), layout.steps[step.id]]
                yield _path(_curve(way), edge.soft)


def _curve(way: Sequence[Box]) -> str:
    """From the foot of the first box to the head of the last, straight through those between."""
    x, y = way[0].middle, way[0].y + HEIGHT
    parts = [f"M{x:g} {y:g}"]
    for box in way[1:]:
        bend = max((box.y - y) / 2, 14)
        parts.append(f"C{x:g} {y + bend:g} {box.middle:g} {box.y - bend:g} {box.middle:g} {box.y:g}")
        x, y = box.middle, box.y + HEIGHT
        parts.append(f"V{y:g}" if box is not way[-1] else "")
    return "".join(parts)


def _stage_arrows(found: Outline, layout: Layout) -> Iterator[str]:
    """Down the left side, each in a lane of its own."""
    lane = layout.left - 14
    for stage in found.stages:
        refs = [(ref.name, False) for ref in stage.definition.needs]
        refs += [(ref.name, True) for ref in stage.definition.after]
        for name, soft in refs:
            start, end = layout.stages[name], layout.stages[stage.name]
            y1, y2 = start.y + start.height - 10, end.y + 15
            yield _path(f"M{start.x:g} {y1:g}H{lane:g}V{y2:g}H{end.x:g}", soft)
            lane -= 14


def _path(way: str, soft: bool) -> str:
    return f'<path class="edge{" after" if soft else ""}" d="{way}" marker-end="url(#tip)"/>'


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{escape(text)}</text>'


def _place(box: Box, shift: float = 0) -> str:
    return f'x="{box.x + shift:g}" y="{box.y + shift:g}" width="{box.width:g}" height="{box.height:g}"'
