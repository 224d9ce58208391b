"""What every page has, whatever stands on it."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from drp.model import moments
from drp.reports import page


def render(text: str) -> str:
    """A page of its own that extends the base."""
    template = page.open_environment().from_string(
        '{% extends "base.html" %}{% block main %}' + text + "{% endblock %}"
    )
    return template.render(title="a <title>", foot='run "x"; }')


def test_a_page_asks_for_nothing_and_runs_nothing() -> None:
    text = render("<p>hello</p>")
    assert "default-src 'none'; style-src 'unsafe-inline'" in text
    assert re.findall(r"<script|<link|<img|\bon\w+=|url\((?!#)|@import|https?://", text) == []


def test_values_are_escaped_in_text_and_in_style() -> None:
    text = render("{{ '<b>' }}")
    assert "<h1>a &lt;title&gt;</h1>" in text
    assert "&lt;b&gt;" in text
    assert 'content: "run x "' in text


def test_moments_have_their_zone_and_lengths_their_unit() -> None:
    at = datetime(2026, 11, 4, 20, 7, 44, tzinfo=UTC)
    assert moments.render_moment(at, moments.find_zone("Europe/Paris")) == "2026-11-04 21:07:44 CET"
    assert moments.render_clock(at, moments.find_zone("no such zone")) == "20:07:44 UTC"
    assert page.render_seconds(168) == "2m48s"
