"""Take-overs as the witness and the guards hold them: a numbered list for each site that is taken over."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from drp.errors import RejectedError

ROOT: Final = "takeovers/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Takeover:
    """Tenants of ``site`` that are served elsewhere from ``taken[tenant]`` on, whatever the site believes.

    ``time`` RFC 3339, for people. Numbers of a site rise by one, without gap, and are never deleted.
    """

    site: str
    number: int
    run: str
    actor: str
    time: str
    taken: Mapping[str, int]

    def to_bytes(self) -> bytes:
        data = {
            "site": self.site,
            "number": self.number,
            "run": self.run,
            "actor": self.actor,
            "time": self.time,
            "taken": dict(self.taken),
        }
        return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    @classmethod
    def from_bytes(cls, key: str, content: bytes) -> Takeover:
        """Raises RejectedError for what is no take-over."""
        try:
            data = json.loads(content)
            taken = {str(tenant): int(epoch) for tenant, epoch in data["taken"].items()}
            texts = {name: str(data[name]) for name in ("site", "run", "actor", "time")}
            return cls(number=int(data["number"]), taken=taken, **texts)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise RejectedError(f"cannot read '{key}' in the witness: it is no take-over of drp") from error


def takeover_key(site: str, number: int) -> str:
    return f"{ROOT}{site}/{number:06d}.json"


def merge(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    """The higher epoch of each tenant."""
    return {name: max(one.get(name, 0), other.get(name, 0)) for name in one.keys() | other.keys()}
