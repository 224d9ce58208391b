"""What the witness says of take-overs of this guard's site."""

from __future__ import annotations

from typing import Protocol

from drp.model.takeovers import Takeover, merge, takeover_key


class Objects(Protocol):
    """The part of a store that a guard needs."""

    def find(self, key: str) -> bytes | None: ...


class News:
    """Reads the site's list on from where it stopped; the end of the list is looked at each time."""

    def __init__(self, store: Objects, site: str) -> None:
        self._store = store
        self._site = site
        self._next = 1
        self._taken: dict[str, int] = {}

    def taken(self) -> dict[str, int]:
        """All that stands in the witness at this moment. Raises what the store raises, RejectedError."""
        while (content := self._store.find(takeover_key(self._site, self._next))) is not None:
            found = Takeover.from_bytes(takeover_key(self._site, self._next), content)
            self._taken = merge(self._taken, found.taken)
            self._next += 1
        return dict(self._taken)
