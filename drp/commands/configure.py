"""Begin a configuration, show what counts in it, and its schema."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from drp.commands.results import Listing
from drp.config.export import build_json_schema, render_json_schema
from drp.config.first import SCHEMA_FILE, init_text
from drp.config.load import effective
from drp.errors import RefusedError
from drp.model.values import Json

FIRST_FILE: Final = "drp.yml"
_NEXT: Final = "fill in what is in capitals, then: drp secrets init"


def init_config(folder: Path, *, dry_run: bool) -> Listing:
    """Write the smallest configuration and the editors' schema. Raises RefusedError rather than overwrite."""
    texts = {FIRST_FILE: init_text(), SCHEMA_FILE: render_json_schema()}
    paths = [folder / name for name in texts]
    there = next((path for path in paths if path.exists()), None)
    if there is not None:
        raise RefusedError(
            f"cannot write '{there}': it exists",
            state="nothing was touched",
            hint="Name an empty folder with `drp config init --config DIR`.",
        )
    if not dry_run:
        _write(folder, texts)
    verb = "would write" if dry_run else "wrote"
    written: list[Json] = [str(path) for path in paths]
    return Listing(
        lines=tuple(f"{verb} {path}" for path in paths), data={"files": written}, summary=f"✓ {_NEXT}"
    )


def _write(folder: Path, texts: dict[str, str]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            with (folder / name).open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        raise RefusedError(f"cannot write to '{folder}': {error.strerror}") from error


def show_config(folder: Path, under: str) -> Listing:
    """Each effective value with its place. Raises ConfigError; RefusedError when nothing has that name."""
    values = effective(folder, under)
    if not values:
        raise RefusedError(
            f"cannot show '{under}': the configuration has nothing of that name",
            hint="See all of it with `drp config show`.",
        )
    width = max(len(value.key) for value in values)
    lines = [f"{value.key:<{width}}  {value.value}  {value.place or 'default'}" for value in values]
    data: list[Json] = [
        {"key": value.key, "value": value.value, "place": str(value.place or "default")} for value in values
    ]
    return Listing(lines=tuple(lines), data={"values": data})


def show_schema() -> Listing:
    """The JSON Schema of a configuration file."""
    return Listing(lines=tuple(render_json_schema().splitlines()), data={"schema": build_json_schema()})
