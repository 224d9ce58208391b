"""What a report says, as values: everything in it comes from one run's journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal

from drp.model.values import Json, JsonMap

NOT_RECORDED: Final = "not recorded"
"""Instead of what the journal does not tell (it is of an older drp, or the run broke off)."""

Kind = Literal["done", "part", "failed", "unknown", "skipped", "waiting"]

KINDS: Final[Mapping[str, Kind]] = {
    "done": "done",
    "rolled-back": "part",
    "partial": "part",
    "part": "part",
    "findings": "part",
    "as-before": "failed",
    "refused": "failed",
    "stuck": "failed",
    "failed": "failed",
    "quarantined": "failed",
    "undone": "part",
    "cancelled": "skipped",
    "skipped": "skipped",
    "waiting": "waiting",
    "open": "waiting",
}
"""Word of an ending -> how it is drawn; what is not here is unknown."""


def kind_of(status: str) -> Kind:
    return KINDS.get(status, "unknown")


def render_utc(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def known(value: Json) -> Json:
    """The value, or that nobody wrote it down."""
    return NOT_RECORDED if value is None or value == "" else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stage, of one tenant or of the run. ``status``: done, part, failed, stuck, unknown, undone or
    waiting."""

    name: str
    began: datetime
    ended: datetime
    status: str
    steps: int

    @property
    def seconds(self) -> float:
        return (self.ended - self.began).total_seconds()

    def to_json(self) -> JsonMap:
        return {
            "stage": self.name,
            "began": render_utc(self.began),
            "elapsed_ms": round(self.seconds * 1000),
            "status": self.status,
            "steps": self.steps,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What a step found, as numbers. ``what`` in words, ``numbers`` by their names (units in the names)."""

    step: str
    what: str
    numbers: Mapping[str, int | float]

    def to_json(self) -> JsonMap:
        return {"step": self.step, "what": self.what, **self.numbers}


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantReport:
    """One tenant's part. ``rto_s``, ``rpo_s``, ``freeze_s`` None: not recorded; their bars: none was set.

    ``protection``: what protects it at its new place, or why nothing does (``is_bare``). ``next``: a command.
    """

    tenant: str
    status: str
    code: str = ""
    cause: str = ""
    next: str = ""
    source: str = ""
    target: str = ""
    country: str = ""
    residency: tuple[str, ...] = ()
    wave: str = ""
    serves: str = ""
    probed: datetime | None = None
    rto_s: float | None = None
    rpo_s: float | None = None
    rto_bar_s: float | None = None
    rpo_bar_s: float | None = None
    freeze_s: float | None = None
    freeze_bar_s: float | None = None
    predicted_s: float | None = None
    measured_s: float | None = None
    stages: tuple[Span, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    content: JsonMap = field(default_factory=dict)
    dns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    protection: str = ""
    is_bare: bool = False

    @property
    def kind(self) -> Kind:
        return kind_of(self.status)

    @property
    def misses(self) -> tuple[str, ...]:
        """Bars that were not kept."""
        pairs = (
            ("RTO", self.rto_s, self.rto_bar_s),
            ("RPO", self.rpo_s, self.rpo_bar_s),
            ("freeze", self.freeze_s, self.freeze_bar_s),
        )
        return tuple(
            name for name, found, bar in pairs if found is not None and bar is not None and found > bar
        )

    def to_json(self) -> JsonMap:
        return {
            "tenant": self.tenant,
            "status": self.status,
            **({"code": self.code, "cause": self.cause} if self.cause else {}),
            **({"next": self.next} if self.next else {}),
            "from": known(self.source),
            "to": known(self.target),
            "wave": known(self.wave),
            "serves": known(self.serves),
            "probed": known(render_utc(self.probed) if self.probed else None),
            "stages": [span.to_json() for span in self.stages],
            "rto_s": known(self.rto_s),
            "rto_bar_s": known(self.rto_bar_s),
            "rpo_s": known(self.rpo_s),
            "rpo_bar_s": known(self.rpo_bar_s),
            "freeze_ms": known(None if self.freeze_s is None else round(self.freeze_s * 1000)),
            "freeze_bar_s": known(self.freeze_bar_s),
            "predicted_s": known(self.predicted_s),
            "measured_s": known(self.measured_s),
            "missed": [*self.misses],
            "content": self.content or NOT_RECORDED,
            "comparisons": [each.to_json() for each in self.comparisons],
            "dns": {name: [*values] for name, values in self.dns.items()},
            "protection": known(self.protection),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """Tenants that moved together, and how many of them ended how."""

    name: str
    tenants: tuple[str, ...]
    counts: Mapping[str, int]

    def to_json(self) -> JsonMap:
        return {"wave": self.name, "tenants": [*self.tenants], **self.counts}


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Somebody's turn at the run, under one lease. ``did``: begun, resumed, asked to cancel, turned back."""

    actor: str
    lease: int
    began: datetime
    ended: datetime
    did: tuple[str, ...]

    def to_json(self) -> JsonMap:
        return {
            "actor": self.actor,
            "lease": self.lease,
            "began": render_utc(self.began),
            "ended": render_utc(self.ended),
            "did": [*self.did],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One run. ``zone`` is the company's; ``order`` the command it was given by; ``answers`` who agreed.

    ``note`` says what is missing when the end was not judged. ``head``: hash of the journal's last record.
    """

    run: str
    verb: str
    order: str
    status: str
    exit_code: int | None
    note: str
    source: str
    target: str
    began: datetime
    ended: datetime
    zone: str
    drp: str
    machine: str
    config_digest: str
    plan_digest: str
    sessions: tuple[Session, ...]
    answers: tuple[str, ...]
    stages: tuple[Span, ...]
    waves: tuple[Wave, ...]
    tenants: tuple[TenantReport, ...]
    comparisons: tuple[Comparison, ...]
    predicted_s: float | None
    measured_s: float
    steps: int
    steps_done: int
    next: str
    records: int
    head: str

    @property
    def kind(self) -> Kind:
        return kind_of(self.status)

    @property
    def operator(self) -> str:
        return self.sessions[0].actor if self.sessions else ""

    @property
    def skipped(self) -> tuple[TenantReport, ...]:
        return tuple(each for each in self.tenants if each.status == "skipped")

    @property
    def troubled(self) -> tuple[TenantReport, ...]:
        """Those that need hands."""
        return tuple(each for each in self.tenants if each.kind in ("failed", "unknown", "waiting", "part"))

    @property
    def bare(self) -> tuple[TenantReport, ...]:
        """Those that nothing protects at their new place."""
        return tuple(each for each in self.tenants if each.is_bare)

    def count(self, status: str) -> int:
        return sum(each.status == status for each in self.tenants)

    def to_json(self) -> JsonMap:
        return {
            "run": self.run,
            "verb": self.verb,
            "order": known(self.order),
            "status": self.status,
            "exit_code": known(self.exit_code),
            **({"note": self.note} if self.note else {}),
            "from": known(self.source),
            "to": known(self.target),
            "operator": known(self.operator),
            "machine": known(self.machine),
            "drp": known(self.drp),
            "began": render_utc(self.began),
            "ended": render_utc(self.ended),
            "zone": self.zone,
            "predicted_s": known(self.predicted_s),
            "measured_s": self.measured_s,
            "config_digest": known(self.config_digest),
            "plan_digest": self.plan_digest,
            "steps": self.steps,
            "steps_done": self.steps_done,
            "sessions": [each.to_json() for each in self.sessions],
            "answers": [*self.answers],
            "stages": [each.to_json() for each in self.stages],
            "waves": [each.to_json() for each in self.waves],
            "tenants": [each.to_json() for each in self.tenants],
            "comparisons": [each.to_json() for each in self.comparisons],
            "skipped": [each.tenant for each in self.skipped],
            "unprotected": [each.tenant for each in self.bare],
            **({"next": self.next} if self.next else {}),
            "evidence": {"journal_head": self.head, "records": self.records},
        }
