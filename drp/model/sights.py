"""What was seen of a site that may be lost, from three places, and what that means. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from drp.model.values import Json, JsonMap

Verdict = Literal["dead", "half-dead", "alive", "isolated"]
MODES: Final = ("disaster", "planned")


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSight:
    """One host of the site: its engine, and its edge from here and from the reserve (None: nobody there could
    look)."""

    host: str
    engine: bool
    here: bool
    reserve: bool | None

    @property
    def answers(self) -> bool:
        return self.engine or self.here or bool(self.reserve)

    @property
    def is_whole(self) -> bool:
        return self.engine and self.here and self.reserve is not False


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSight:
    """``tenants``: those the site serves -> whether their API answers; ``neutral``: names of no site ->
    whether they do; ``target``: whether a host of the other site answers from here; ``witness``: likewise.
    ``reserve``: the host of the other site that looked, "" when none could."""

    site: str
    hosts: tuple[HostSight, ...]
    tenants: Mapping[str, bool]
    neutral: Mapping[str, bool]
    target: bool
    witness: bool
    reserve: str
    seen: datetime

    @property
    def verdict(self) -> Verdict:
        """One sign of life from any place is enough to say that the site is not dead."""
        if not any(host.answers for host in self.hosts) and not any(self.tenants.values()):
            is_cut_off = not self.target and not any(self.neutral.values())
            return "isolated" if is_cut_off else "dead"
        is_whole = all(host.is_whole for host in self.hosts) and all(self.tenants.values())
        return "alive" if is_whole else "half-dead"

    @property
    def answering(self) -> tuple[str, ...]:
        return tuple(name for name, answers in self.tenants.items() if answers)

    def to_json(self) -> JsonMap:
        hosts: list[Json] = [
            {"host": each.host, "engine": each.engine, "edge_here": each.here, "edge_reserve": each.reserve}
            for each in self.hosts
        ]
        return {
            "site": self.site,
            "verdict": self.verdict,
            "hosts": hosts,
            "tenants": dict(self.tenants),
            "neutral": dict(self.neutral),
            "target": self.target,
            "witness": self.witness,
            "reserve": self.reserve,
        }
