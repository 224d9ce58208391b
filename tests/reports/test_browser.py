"""Pages as people meet them: on a desk, on a telephone, in the dark, on paper, in grey, by keyboard."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import combinations
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from drp.commands.journals import read_local
from drp.reports.building import build_report
from drp.reports.html import render_html
from drp.testing.company import FakeCompany
from tests.actions.runs import deploy
from tests.commands.bench import Bench
from tests.commands.test_fleet import TENANTS, give, point
from tests.reports.browser import (
    WIDTHS,
    Scheme,
    find_barriers,
    is_too_wide,
    open_browser,
    show,
    take_picture,
    walk,
)
from tests.reports.journals import build_failover

Pages = Mapping[str, Path]
pytestmark = pytest.mark.servers
PAGES = ("move", "few", "many", "broken-off")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as found:
        yield found


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A move; a failover of three of which one is set aside; one of forty-five; one that broke off."""
    folder = tmp_path_factory.mktemp("pages")
    bench = Bench(folder / "move")
    bench.launch("migrate", "dc5")
    moved = read_local(next(bench.state.glob("*.journal")))
    journals = {
        "move": moved,
        "few": read_local(_fail_over(folder / "few")),
        "many": build_failover(45, wave=15),
        "broken-off": moved[:80],
    }
    files = {name: folder / f"{name}.html" for name in journals}
    for name, records in journals.items():
        files[name].write_text(render_html(build_report(records)))
    return files


def _fail_over(state: Path) -> Path:
    bench = Bench(state, company=FakeCompany())
    for tenant in TENANTS:
        deploy(bench.company, tenant)
    for verb in ("backup", "reserve"):
        give(bench, verb)
    bench = Bench(state / "disaster", company=copy.deepcopy(bench.company))
    bench.company.lose("dc3")
    bench.company.clock.advance(timedelta(minutes=10))
    point(bench, "elsewhere.example.test")
    give(bench, "failover")
    return next(bench.state.glob("failover-*.journal"))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_it_fits_and_asks_for_nothing(browser: Browser, pages: Pages, name: str, width: int) -> None:
    with show(browser, pages[name], width=width) as (page, asked):
        take_picture(page, f"{name}-{width}")
        assert not is_too_wide(page)
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        assert not is_too_wide(page)
        assert asked == [pages[name].as_uri()]
        heads = page.evaluate("[...document.querySelectorAll('thead')].map(each => each.offsetWidth)")
        assert all((found <= 1) is (width == min(WIDTHS)) for found in heads), heads


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [("move", 390, "light"), ("few", 1280, "light"), ("few", 390, "dark"), ("many", 1280, "dark")],
)
def test_nothing_keeps_anybody_out(
    browser: Browser, pages: Pages, name: str, width: int, scheme: Scheme
) -> None:
    with show(browser, pages[name], width=width, scheme=scheme) as (page, _):
        assert find_barriers(page) == []


def test_dark_is_dark_and_light_is_light(browser: Browser, pages: Pages) -> None:
    seen = []
    for scheme in ("light", "dark"):
        with show(browser, pages["few"], scheme=scheme) as (page, _):
            take_picture(page, f"few-{scheme}")
            seen.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert seen == ["rgb(255, 255, 255)", "rgb(18, 18, 18)"]


@pytest.mark.parametrize("width", WIDTHS)
def test_everything_can_be_reached_and_seen_by_tab(browser: Browser, pages: Pages, width: int) -> None:
    with show(browser, pages["few"], width=width) as (page, _):
        stops = walk(page)
        assert stops[0] == ("a Skip to the content", True)
        assert [name for name, visible in stops if not visible] == []
        names = [name for name, _ in stops]
        assert [name for name in names if name.startswith("div ")] == [
            "div hands", "div people", "div timeline", "div rows", "div tenants",
        ]  # fmt: skip
        assert [name.split()[1] for name in names if name.startswith("summary ")] == [*TENANTS]
        page.locator("summary").first.focus()
        page.keyboard.press("Enter")
        assert page.locator("details").first.evaluate("each => each.open")


def test_colours_can_be_told_apart_without_colour(browser: Browser, pages: Pages) -> None:
    """In grey each pattern is a picture of its own; and beside each stand its mark and its word."""
    with show(browser, pages["few"]) as (page, _):
        session = page.context.new_cdp_session(page)
        session.send("Emulation.setEmulatedVisionDeficiency", {"type": "achromatopsia"})
        take_picture(page, "few-grey")
        swatches = [each.screenshot() for each in page.locator(".legend .swatch").all()]
        assert len(swatches) == 6
        assert all(one != other for one, other in combinations(swatches, 2))
        bare = page.evaluate(
            """[...document.querySelectorAll('.swatch')].map(each => each.parentElement.textContent.trim())
               .filter(text => !/^[✓!✗?·-] *\\S/.test(text))"""
        )
        assert bare == []


@pytest.mark.parametrize("name", ["few", "many"])
def test_paper_is_a4_and_shows_what_is_folded(browser: Browser, pages: Pages, name: str) -> None:
    with show(browser, pages[name]) as (page, _):
        page.emulate_media(media="print")
        heights = page.evaluate("[...document.querySelectorAll('details > p')].map(p => p.offsetHeight)")
        assert heights
        assert min(heights) > 0
        paper = page.pdf(prefer_css_page_size=True)
        print(f"{name}: {paper.count(b'/Type /Page')} pages, {len(paper):,} B")
        assert b"/MediaBox [0 0 594.95996 841.91998]" in paper or b"/MediaBox [0 0 595" in paper


def test_every_chart_has_a_title_and_every_table_a_caption(browser: Browser, pages: Pages) -> None:
    with show(browser, pages["many"]) as (page, _):
        assert page.evaluate("document.querySelectorAll('h1').length") == 1
        assert page.evaluate("document.documentElement.lang") == "en"
        untitled = (
            "[...document.querySelectorAll('svg[role=img]')].filter(each => !each.querySelector('title'))"
        )
        assert page.evaluate(f"{untitled}.length") == 0
        assert page.evaluate("[...document.querySelectorAll('table')].filter(t => !t.caption).length") == 0
        assert page.evaluate("[...document.querySelectorAll('th')].filter(each => !each.scope).length") == 0
