"""Names that can be typed, kept from one command to the next, so that a shell completes them offline."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Names:
    """What the commands before have seen; ``runs`` by their tails."""

    tenants: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()


def find_cache(environment: Mapping[str, str]) -> Path | None:
    """The file in the user's folder of caches; None for a user without a home."""
    base = environment.get("XDG_CACHE_HOME")
    home = environment.get("HOME")
    if not base and not home:
        return None
    return Path(base or Path(home or "") / ".cache") / "drp" / "names.json"


def read_names(environment: Mapping[str, str]) -> Names:
    """Empty when there is no cache, or one that cannot be read."""
    path = find_cache(environment)
    try:
        found = json.loads(path.read_bytes()) if path else {}
        return Names(**{field: _texts(found.get(field, ())) for field in Names.__slots__})
    except (OSError, ValueError, AttributeError):
        return Names()


def keep_names(environment: Mapping[str, str], **seen: Iterable[str]) -> None:
    """Replace some of the lists. A cache that cannot be written is no trouble worth a word."""
    path = find_cache(environment)
    if path is None:
        return
    before = read_names(environment)
    now = replace(before, **{field: tuple(names) for field, names in seen.items()})
    if now != before:
        _write(path, json.dumps(asdict(now)))


def _write(path: Path, text: str) -> None:
    """As a whole and for its owner only: tenants are nobody else's business."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        fresh.replace(path)
    except OSError:
        return


def _texts(found: object) -> tuple[str, ...]:
    return tuple(str(each) for each in found) if isinstance(found, list | tuple) else ()
