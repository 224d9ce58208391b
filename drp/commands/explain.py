"""A page on an error code: what it means, how it was seen, what drp did, what to do next. Works offline."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from textwrap import wrap
from typing import Final

from drp.commands.results import Listing
from drp.errors import UsageError
from drp.model.values import Json

_FILE: Final = "pages.toml"
_WIDTH: Final = 100
_ROWS: Final = {"means": "means", "seen": "seen by", "did": "drp did"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """``next``: commands, each with what it is for behind two spaces."""

    title: str
    means: str
    seen: str
    did: str
    next: tuple[str, ...]


@cache
def pages() -> Mapping[str, Page]:
    """All pages by their code."""
    found = tomllib.loads(files(__package__).joinpath(_FILE).read_text(encoding="utf-8"))
    return {code: Page(**{**page, "next": tuple(page["next"])}) for code, page in found.items()}


def explain(code: str) -> Listing:
    """The page of a code, in any case of letters. Raises UsageError when there is none."""
    named = {known.lower(): known for known in pages()}.get(code.lower())
    if named is None:
        raise UsageError(
            f"cannot explain '{code}': there is no such code", hint=f"Known: {', '.join(pages())}."
        )
    page = pages()[named]
    lines = [f"{named}  {page.title}"]
    for field, label in _ROWS.items():
        lines += wrap(f"  {label:<9}{getattr(page, field)}", _WIDTH, subsequent_indent=" " * 11)
    lines += [f"  {'next' if not number else '':<9}{command}" for number, command in enumerate(page.next)]
    commands: list[Json] = [command.partition("  ")[0] for command in page.next]
    data = {"code": named, "title": page.title, **{field: getattr(page, field) for field in _ROWS}}
    return Listing(lines=tuple(lines), data={**data, "next": commands})
