"""Values that carry their unit or their secrecy in the type."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final, NoReturn, TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
JsonMap: TypeAlias = dict[str, Json]

_DURATION_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_SIZE_UNITS = {
    "B": 1,
    "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
}  # fmt: skip


class Secret:
    """Bytes that can be used but not shown: no text, format, JSON, pickle, copy or comparison by value."""

    __slots__ = ("__value",)

    def __init__(self, value: bytes) -> None:
        self.__value = value

    def reveal(self) -> bytes:
        """The bytes themselves; call this only where they leave for their destination."""
        return self.__value

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a Secret cannot be serialised or copied")


def parse_duration(text: str) -> timedelta:
    """``15s``, ``5m``, ``1h30m``, ``250ms`` -> timedelta. Raises ValueError naming the accepted forms."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|[smhd])", text.strip())
    if not parts or "".join(n + u for n, u in parts) != text.strip():
        raise ValueError(f"cannot read duration '{text}': write 15s, 5m, 2h or 30d")
    return timedelta(seconds=sum(float(number) * _DURATION_UNITS[unit] for number, unit in parts))


def render_duration(value: timedelta) -> str:
    """timedelta -> the shortest of ``1.9 s``, ``45s``, ``2m48s``, ``3h05m``, ``2d4h``."""
    seconds = value.total_seconds()
    if seconds < 10 and seconds != int(seconds):
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d{whole % 86400 // 3600}h"


def parse_size(text: str) -> int:
    """``8GiB``, ``500MB``, ``64KiB`` -> bytes. Raises ValueError naming the accepted forms."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+)", text.strip())
    if not match or match.group(2) not in _SIZE_UNITS:
        raise ValueError(f"cannot read size '{text}': write 8GiB or 8GB")
    return int(float(match.group(1)) * _SIZE_UNITS[match.group(2)])


def render_size(value: int) -> str:
    """Bytes -> ``1.2 GB`` (decimal units)."""
    for unit in ("TB", "GB", "MB", "kB"):
        if value >= _SIZE_UNITS[unit]:
            return f"{value / _SIZE_UNITS[unit]:.1f} {unit}"
    return f"{value} B"


SHOWN: Final = 10
"""Entries of a list that are shown before "+n"."""


def render_list(items: Sequence[str], shown: int = SHOWN) -> str:
    """``a, b, +3``."""
    rest = len(items) - shown
    return ", ".join([*items[:shown], *([f"+{rest}"] if rest > 0 else [])])
