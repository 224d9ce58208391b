"""What readiness says, as data: of each tenant, of each host that would take some, and in all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from drp.commands.check.looks import Trouble
from drp.commands.endings import DONE, FINDINGS, Ending
from drp.commands.estimates import Estimate
from drp.commands.events import render_utc
from drp.model.values import JsonMap

Reason = Literal[
    "engine", "clock", "witness", "store", "backup", "proof", "key", "image", "certificate", "dns", "subnets",
    "disk", "memory", "contacts",
]  # fmt: skip
REASONS: Final[tuple[Reason, ...]] = Reason.__args__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why somebody could not be served at the target. ``tenant`` "": it concerns all of them."""

    reason: Reason
    trouble: Trouble
    tenant: str = ""

    @property
    def is_red(self) -> bool:
        return self.trouble.verdict == "finding"

    def to_json(self) -> JsonMap:
        trouble = self.trouble
        data: JsonMap = {"reason": self.reason, "is_red": self.is_red, "message": trouble.message}
        told = {"tenant": self.tenant, "hint": trouble.hint, "code": trouble.code, "place": trouble.place}
        return data | {key: text for key, text in told.items() if text}


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantReadiness:
    """``host``: where it would be placed, "" nowhere. ``loss_s``: writes younger than the newest backup
    outside the site, None: there is none. ``proof_at``: when a restore was last proven, None: never;
    ``rto_s``: how long it took then, from the begin to an API that does its work.
    """

    tenant: str
    host: str = ""
    loss_s: float | None = None
    proof_at: datetime | None = None
    rto_s: float | None = None
    causes: tuple[Cause, ...] = ()

    @property
    def is_ready(self) -> bool:
        return not any(cause.is_red for cause in self.causes)

    def to_json(self) -> JsonMap:
        return {
            "tenant": self.tenant,
            "is_ready": self.is_ready,
            "host": self.host,
            "loss_s": None if self.loss_s is None else round(self.loss_s, 3),
            "proof_at": None if self.proof_at is None else render_utc(self.proof_at),
            "rto_s": self.rto_s,
            "causes": [cause.to_json() for cause in self.causes],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRoom:
    """A host once all that can be placed there is: bytes and numbers of links used, and there are.

    ``disk_left``: free bytes of its disk then, None: it could not be looked at.
    """

    host: str
    tenants: tuple[str, ...]
    memory_used: int
    memory: int
    links_left: int
    disk_left: int | None
    disk: int

    def to_json(self) -> JsonMap:
        return {
            "host": self.host,
            "tenants": [*self.tenants],
            "memory_used_bytes": self.memory_used,
            "memory_bytes": self.memory,
            "links_left": self.links_left,
            "disk_left_bytes": self.disk_left,
            "disk_bytes": self.disk,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Of a failover from one site to another. ``causes``: what concerns all; ``left_out`` tenant -> why it
    would not move. ``duration``: from the failovers there were, None: from too few. ``could_look``: False
    when nobody could tell who serves, so that nothing else was looked at.
    """

    at: datetime
    source: str
    target: str
    tenants: tuple[TenantReadiness, ...]
    causes: tuple[Cause, ...]
    left_out: dict[str, str]
    hosts: tuple[HostRoom, ...] = ()
    duration: Estimate | None = None
    with_fit: bool = False
    could_look: bool = True

    @property
    def ready(self) -> tuple[TenantReadiness, ...]:
        """Those who could be served at the target now."""
        if any(cause.is_red for cause in self.causes):
            return ()
        return tuple(each for each in self.tenants if each.is_ready)

    @property
    def all_causes(self) -> tuple[Cause, ...]:
        """Those of all first."""
        return (*self.causes, *(cause for each in self.tenants for cause in each.causes))

    @property
    def worst_loss_s(self) -> float | None:
        """Of those who could be served; None when nobody could."""
        return max((each.loss_s for each in self.ready if each.loss_s is not None), default=None)

    @property
    def slowest_proof_s(self) -> float | None:
        """The longest that a proven restore of one took."""
        return max((each.rto_s for each in self.tenants if each.rto_s is not None), default=None)

    @property
    def ending(self) -> Ending:
        return FINDINGS if any(cause.is_red for cause in self.all_causes) else DONE

    def to_json(self) -> JsonMap:
        loss = self.worst_loss_s
        return {
            "at": render_utc(self.at),
            "from": self.source,
            "to": self.target,
            "ready": len(self.ready),
            "asked": len(self.tenants),
            "loss_s": None if loss is None else round(loss, 3),
            **({"duration": self.duration.to_json()} if self.duration else {}),
            "causes": [cause.to_json() for cause in self.causes],
            "tenants": [each.to_json() for each in self.tenants],
            "left_out": {**self.left_out},
            "hosts": [each.to_json() for each in self.hosts],
        }
