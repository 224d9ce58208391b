"""What an order for many tenants says beforehand and at its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from drp.commands.endings import DONE, Ending
from drp.commands.events import ErrorEvent, render_utc
from drp.commands.readiness.results import Readiness
from drp.commands.results import Result, Served
from drp.model.plan import Plan
from drp.model.policies import Policies
from drp.model.sights import SiteSight
from drp.model.values import Json, JsonMap


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetReview:
    """What an order would do. ``losses`` tenant -> seconds; ``left_out`` tenant -> why it is not taken."""

    verb: str
    source: str
    target: str
    tenants: tuple[str, ...]
    places: Mapping[str, str]
    losses: Mapping[str, float]
    left_out: Mapping[str, str]
    command: str
    plan: Plan
    inventory: str
    digest: str
    facts: JsonMap
    sight: SiteSight | None = None
    at_once: int = 0
    """How many move at the same time; 0: nothing is said about it."""
    ending: Ending = DONE

    @property
    def order(self) -> str:
        """The verb as it was typed."""
        return "failover" if self.verb == "planned" else self.verb

    @property
    def worst_loss_s(self) -> float:
        return max(self.losses.values(), default=0.0)

    def to_json(self) -> JsonMap:
        return {
            "verb": self.verb,
            "from": self.source,
            "to": self.target,
            "plan": self.digest,
            "tenants": [
                {"tenant": name, "to": self.places.get(name, ""), "loss_s": self.losses.get(name, 0.0)}
                for name in self.tenants
            ],
            "left_out": dict(self.left_out),
            "steps": len(self.plan.steps),
            **({"parallel": self.at_once} if self.at_once else {}),
            **({"sight": self.sight.to_json()} if self.sight is not None else {}),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantOutcome:
    """How it ended for one tenant. ``status``: done, rolled-back, quarantined, unknown, skipped or waiting.

    ``code`` and ``cause`` say why not done; ``rto_s`` from the begin of the run to the proof that it serves;
    ``rpo_s`` what may be lost. ``restored``: the backup that a failover restores: its id, as of when it is,
    and how many documents are in it.
    """

    tenant: str
    status: str
    served: Served | None = None
    code: str = ""
    cause: str = ""
    step: str = ""
    rto_s: float | None = None
    rpo_s: float | None = None
    restored: JsonMap = field(default_factory=dict)
    figures: JsonMap = field(default_factory=dict)

    def to_json(self) -> JsonMap:
        data: JsonMap = {"tenant": self.tenant, "status": self.status, **self.figures}
        if self.served is not None:
            data |= self.served.to_json()
        for name, value in (("rto_s", self.rto_s), ("rpo_s", self.rpo_s)):
            if value is not None:
                data[name] = round(value, 3)
        if self.restored:
            data["restored"] = self.restored
        if self.cause:
            data |= {"code": self.code, "cause": self.cause, "step": self.step}
        return data


@dataclass(frozen=True, slots=True)
class Gap:
    """An edge of the new site that does not hand on what stands behind another one, and why."""

    part: str
    host: str
    cause: str

    def to_json(self) -> JsonMap:
        return {"edge": self.host, "cause": self.cause}


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetReport:
    """How a run over many tenants ended."""

    ending: Ending
    run: str
    verb: str
    source: str
    target: str
    began: datetime
    seconds: float
    stages: Mapping[str, float]
    outcomes: tuple[TenantOutcome, ...]
    error: ErrorEvent | None = None
    next: str = ""
    policies: Policies = field(default_factory=Policies)
    gaps: tuple[Gap, ...] = ()

    @property
    def unprotected(self) -> tuple[str, ...]:
        """Tenants that were taken over and have no backup of their new place."""
        taken = [o for o in self.outcomes if self.verb == "failover" and o.status == "done"]
        return tuple(o.tenant for o in taken if "backup" not in o.figures)

    def count(self, status: str) -> int:
        return sum(outcome.status == status for outcome in self.outcomes)

    def to_json(self) -> JsonMap:
        tenants: list[Json] = [outcome.to_json() for outcome in self.outcomes]
        return {
            "run": self.run,
            "verb": self.verb,
            "from": self.source,
            "to": self.target,
            "began": render_utc(self.began),
            "elapsed_ms": round(self.seconds * 1000),
            "stages_ms": {name: round(seconds * 1000) for name, seconds in self.stages.items()},
            "tenants": tenants,
            "unprotected": [*self.unprotected],
            **({"gaps": [gap.to_json() for gap in self.gaps]} if self.gaps else {}),
            "bars": {"rto_s": _seconds(self.policies.rto), "rpo_s": _seconds(self.policies.rpo)},
            "counts": {status: self.count(status) for status in sorted({o.status for o in self.outcomes})},
        }


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else length.total_seconds()


AnyResult = Result | FleetReview | FleetReport | Readiness
"""Of every verb."""
