"""``drp report``: what a run did, from its journal alone."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from drp.commands.results import Listing
from drp.engine.journal import Record
from drp.errors import RefusedError
from drp.reports.building import build_report
from drp.reports.html import render_html
from drp.reports.text import render_text


def report_run(records: Sequence[Record], *, html: Path | None = None) -> Listing:
    """Words and data; ``html``: where to write the page as well.

    Raises JournalError when the records are no run, RefusedError when the file cannot be written.
    """
    report = build_report(records)
    lines = render_text(report)
    if html is not None:
        write_whole(html, render_html(report).encode())
        lines.append(f"  {'page':<11} {html}")
    return Listing(lines=tuple(lines), data=report.to_json())


def write_whole(path: Path, content: bytes) -> None:
    """All of it or nothing. Raises RefusedError."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        fresh.write_bytes(content)
        fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise RefusedError(
            f"cannot write '{path}': {error.strerror}",
            hint="Name another file, for example `--html report.html`.",
        ) from error
