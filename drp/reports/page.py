"""HTML pages in one file: no script, no request, readable in grey, on paper and on a telephone.

A page is a template beside this file that extends ``base.html``; its macros are in ``macros.html``.
Values are escaped; moments get their zone, lengths and sizes their unit, by the filters here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from drp.model.moments import find_zone, render_clock, render_moment
from drp.model.values import render_duration, render_size

STATUSES: Final[Mapping[str, str]] = {
    "done": "✓",
    "part": "!",
    "failed": "✗",
    "unknown": "?",
    "skipped": "-",
    "waiting": "·",
}
"""Status -> its mark. Each has a colour and a pattern too; colour never stands alone."""


def render_page(template: str, *, title: str, foot: str = "", zone: str = "UTC", **values: object) -> str:
    """The whole page. ``foot`` stands on every printed page; ``zone`` is that of all moments.

    ``title`` is the one h1; ``values`` are what the template needs, a missing one is an error.
    """
    page = open_environment().get_template(template)
    at = find_zone(zone)
    return page.render(
        title=title,
        foot=foot,
        marks=STATUSES,
        moment=lambda value: render_moment(value, at),
        clock=lambda value: render_clock(value, at),
        **values,
    )


def render_seconds(seconds: float) -> str:
    """``1.9 s``, ``2m48s``."""
    return render_duration(timedelta(seconds=max(round(seconds, 1), 0)))


def render_count(number: float) -> str:
    """``4,118,220``."""
    return f"{number:,}"


def render_css_text(text: str) -> str:
    """What may stand between quotes in a style sheet."""
    return re.sub(r"[^\w .,:·/-]", "", text)


@cache
def open_environment() -> Environment:
    """All templates there are."""
    found = Environment(
        loader=PackageLoader("drp.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: Mapping[str, Callable[..., str]] = {
        "seconds": render_seconds,
        "size": render_size,
        "count": render_count,
        "css_text": render_css_text,
    }
    found.filters.update(filters)
    return found
