"""A real browser on a page of ours: the system's Chromium, without a window and without a network."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Request, sync_playwright

from drp.model.values import Json

PICTURES: Final = Path(__file__).parents[2] / ".cache" / "pictures"
WIDTHS: Final = (1280, 390)
_PROGRAM: Final = "chromium"
_FLAGS: Final = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
Scheme = Literal["light", "dark"]


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Skips where there is none; fails where CI says that everything must be there."""
    program = shutil.which(_PROGRAM)
    if program is None:
        reason = f"no page can be looked at here: missing {_PROGRAM}"
        if os.environ.get("CI"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*_FLAGS])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def show(
    browser: Browser, file: Path, *, width: int = 1280, scheme: Scheme = "light"
) -> Iterator[tuple[Page, list[str]]]:
    """The page, and the addresses of all that it asked for."""
    asked: list[str] = []

    def remember(request: Request) -> None:
        asked.append(request.url)

    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.on("request", remember)
    try:
        page.goto(file.as_uri())
        yield page, asked
    finally:
        page.close()


def take_picture(page: Page, name: str) -> Path:
    """Kept until the next one of that name."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    path = PICTURES / f"{name}.png"
    page.screenshot(path=path, full_page=True)
    print(f"picture: {path}")
    return path


def find_barriers(page: Page) -> list[str]:
    """What keeps somebody from reading or using the page; texts need a contrast of 7:1."""
    rules = {"color-contrast-enhanced": {"enabled": True}}
    found = Axe().run(page, options={"rules": rules}).response["violations"]
    return [
        f"{each['impact']} {each['id']}: {[node['target'] for node in each['nodes'][:5]]}" for each in found
    ]


def is_too_wide(page: Page) -> bool:
    """Whether one has to scroll sideways to see all of it."""
    wide: Json = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return bool(wide)


def walk(page: Page, *, most: int = 400) -> list[tuple[str, bool]]:
    """Where Tab leads, in its order: tag and text of each element, and whether its focus can be seen."""
    stops: list[tuple[str, bool]] = []
    for _ in range(most):
        page.keyboard.press("Tab")
        name, visible = page.evaluate(_FOCUS)
        if not name:
            break
        stops.append((name, visible))
    return stops


_FOCUS: Final = """() => {
  const e = document.activeElement;
  if (!e || e === document.body) return ["", false];
  const s = getComputedStyle(e);
  const words = e.getAttribute("aria-labelledby") || e.textContent.trim().slice(0, 40);
  const box = e.getBoundingClientRect();
  const drawn = s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2;
  const seen = drawn && box.right > 0 && box.bottom > 0;
  return [e.tagName.toLowerCase() + " " + words, seen];
}"""
