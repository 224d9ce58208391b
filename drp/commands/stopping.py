"""A run as the operator's signals see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Stoppable(Protocol):
    """A run as a signal handler sees it; both may be called from the handler."""

    def cancel(self) -> None:
        """Stop at the next safe point."""
        ...

    def leave(self) -> None:
        """Return at once, whatever is in flight."""
        ...


@dataclass(slots=True)
class Departure:
    """``has_left``: the operator would not wait for what was in flight."""

    has_left: bool = False
