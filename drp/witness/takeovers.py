"""Take-overs in the witness: numbered for each site, put once, never deleted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from drp.errors import ConflictError
from drp.model.takeovers import ROOT, Takeover, takeover_key
from drp.ports.objects import ObjectReader, ObjectStore
from drp.witness.records import check_name, put_own

_TRIES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What a run takes over: ``taken`` tenant -> epoch."""

    site: str
    run: str
    actor: str
    time: str
    taken: Mapping[str, int]


class TakeoverReader:
    """Errors: those of the store, RejectedError."""

    def __init__(self, store: ObjectReader) -> None:
        self._reader = store

    def load(self, site: str) -> list[Takeover]:
        """All of the site, in order."""
        keys = sorted(self._reader.list(f"{ROOT}{check_name(site)}/"))
        return [Takeover.from_bytes(key, self._reader.get(key)) for key in keys]

    def find(self, site: str, run: str) -> Takeover | None:
        """The one that this run has put."""
        return next((found for found in self.load(site) if found.run == run), None)


class Takeovers(TakeoverReader):
    """Puts them."""

    def __init__(self, store: ObjectStore) -> None:
        super().__init__(store)
        self._store = store

    def announce(self, claimed: Claimed) -> Takeover:
        """Put it under the next number; a run that repeats it gets the first. Raises ConflictError."""
        for _ in range(_TRIES):
            known = self.load(claimed.site)
            mine = next((found for found in known if found.run == claimed.run), None)
            if mine is not None:
                return mine
            made = Takeover(
                site=claimed.site,
                number=len(known) + 1,
                run=claimed.run,
                actor=claimed.actor,
                time=claimed.time,
                taken=claimed.taken,
            )
            if put_own(self._store, takeover_key(claimed.site, made.number), made.to_bytes()):
                return made
        raise ConflictError(f"cannot take over from '{claimed.site}': others do so all the time")
