"""What use cases return: facts for a renderer, and the ending that makes the exit code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from drp.commands.endings import DONE, Ending
from drp.commands.estimates import Estimate
from drp.commands.events import NOBODY, UNKNOWN, ErrorEvent, render_utc
from drp.model.plan import Plan, Step
from drp.model.values import Json, JsonMap

Word = Literal["already", "would", "cannot-tell"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What looking said about one step; ``detail`` is why it cannot be told, or what part is there."""

    step: Step
    word: Word
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A plan as it is shown before it is run. ``source`` and ``target`` as ``dc3/h1``, or "".

    ``digest`` names the plan: equal for equal configuration and world, whenever it is made; ``facts`` is
    what it was made from, ``site`` the one that was ordered, ``inventory`` the configuration's digest.
    """

    verb: str
    tenant: str
    site: str
    env: str
    tier: str
    source: str
    target: str
    command: str
    plan: Plan
    digest: str
    verdicts: tuple[Verdict, ...]
    freeze_s: float
    facts: JsonMap
    duration: Estimate | None = None
    inventory: str = ""
    ending: Ending = DONE

    def count(self, word: Word) -> int:
        return sum(verdict.word == word for verdict in self.verdicts)

    def to_json(self) -> JsonMap:
        return {
            "verb": self.verb,
            "tenant": self.tenant,
            "from": self.source,
            "to": self.target,
            "plan": self.digest,
            "steps": [_verdict_json(each) for each in self.verdicts],
            "counts": {word: self.count(word) for word in ("would", "already", "cannot-tell")},
            **({"duration": self.duration.to_json()} if self.duration else {}),
        }


def _verdict_json(verdict: Verdict) -> JsonMap:
    step = verdict.step
    data: JsonMap = {
        "id": step.id,
        "action": step.action,
        "stage": step.stage,
        "needs": [*sorted(step.needs)],
        "verdict": verdict.word,
        "final": step.final,
        "params": step.params,
    }
    if verdict.detail:
        data["detail"] = verdict.detail
    if step.scope:
        data["scope"] = step.scope
    if step.after:
        data["after"] = [*sorted(step.after)]
    if step.approval:
        data["asks"] = step.approval
    if step.place is not None:
        data["place"] = str(step.place)
    return data


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """Who serves a tenant: a site, ``nobody`` or ``unknown``; ``reason`` says why it is not known.

    ``writes`` None: not known. ``epoch`` and ``host`` are those of the witness, 0 and "" when there is none.
    """

    tenant: str
    site: str
    writes: bool | None
    probed: datetime
    epoch: int = 0
    host: str = ""
    reason: str = ""

    @property
    def is_proven(self) -> bool:
        return self.site != UNKNOWN

    def to_json(self) -> JsonMap:
        data: JsonMap = {
            "tenant": self.tenant,
            "serves": self.site,
            "writes": UNKNOWN if self.writes is None else self.writes,
            "epoch": self.epoch,
            "host": self.host or NOBODY,
            "probed": render_utc(self.probed),
        }
        return data | ({"reason": self.reason} if self.reason else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """How a run ended. ``figures`` are what its steps measured; ``error`` the first failure.

    ``back``: it was to be taken back. ``source`` and ``target`` as ``dc3/h1``. ``open_steps`` are not done.
    ``home`` is where the configuration says the tenant belongs, ``home_place`` the line that says so.
    """

    ending: Ending
    run: str
    verb: str
    served: Served
    source: str = ""
    target: str = ""
    back: bool = False
    home: str = ""
    home_place: str = ""
    freeze_bar_s: float = 0.0
    began: datetime
    seconds: float
    stages: Mapping[str, float]
    figures: JsonMap = field(default_factory=dict)
    error: ErrorEvent | None = None
    failed_step: str = ""
    open_steps: tuple[str, ...] = ()
    can_go_back: bool = False
    next: str = ""
    command: str = ""

    def to_json(self) -> JsonMap:
        stages: JsonMap = {name: round(seconds * 1000) for name, seconds in self.stages.items()}
        open_steps: list[Json] = [*self.open_steps]
        return {
            "run": self.run,
            "verb": self.verb,
            **self.served.to_json(),
            "elapsed_ms": round(self.seconds * 1000),
            "stages_ms": stages,
            **self.figures,
            **({"open_steps": open_steps} if open_steps else {}),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Takeover:
    """What was found of an interrupted run. ``doubtful`` maps steps left in doubt to what is seen of them.

    ``back``: it is going back (or shall). ``served`` is who serves now.
    """

    run: str
    verb: str
    tenant: str
    source: str
    target: str
    owner: str
    silent_since: datetime
    total: int
    done: int
    doubtful: Mapping[str, str]
    served: Served
    past_final: bool
    back: bool
    ending: Ending = DONE

    def to_json(self) -> JsonMap:
        doubtful: JsonMap = dict(self.doubtful)
        return {
            "run": self.run,
            "verb": self.verb,
            "from": self.source,
            "to": self.target,
            "steps": self.total,
            "done": self.done,
            "in_doubt": doubtful,
            "way_back": "none" if self.past_final else "auto",
            "back": self.back,
            "silent_since": render_utc(self.silent_since),
            **self.served.to_json(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFact:
    """A run as the witness lists it.

    ``status``: running, leased (held on a machine that cannot be seen from here), silent (nobody has its
    lease), waiting (for approval), approved (not yet begun), or how it ended.
    """

    run: str
    verb: str
    tenant: str
    owner: str
    began: str
    status: str
    source: str = ""
    target: str = ""
    steps: Mapping[str, str] = field(default_factory=dict)
    """Step -> its state; only when one run was asked for."""

    def to_json(self) -> JsonMap:
        data: JsonMap = {
            "run": self.run,
            "verb": self.verb,
            "tenant": self.tenant,
            "owner": self.owner,
            "began": self.began,
            "status": self.status,
        }
        return data | ({"steps": dict(self.steps)} if self.steps else {})


OPEN: Final = "open"
CLOSED: Final = "closed"
SILENT: Final = "silent"


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeFact:
    """A host's edge. ``state``: ``closed`` leads nobody to an API here, ``silent`` did not answer drp.

    ``fenced``: names that another site has taken over.
    """

    host: str
    site: str
    state: str
    fenced: tuple[str, ...] = ()
    reason: str = ""

    def to_json(self) -> JsonMap:
        data: JsonMap = {"host": self.host, "site": self.site, "edge": self.state, "fenced": [*self.fenced]}
        return data | ({"reason": self.reason} if self.reason else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupFact:
    """The newest backup of a tenant that a restore would take.

    ``age_s`` None: there is none; or ``reason`` says why nobody can tell. ``alarm_s``: the age that the
    policy allows.
    """

    tenant: str
    alarm_s: float
    id: str = ""
    age_s: float | None = None
    documents: int = 0
    reason: str = ""

    @property
    def is_well(self) -> bool:
        return self.age_s is not None and self.age_s <= self.alarm_s

    def to_json(self) -> JsonMap:
        age = None if self.age_s is None else round(self.age_s, 3)
        data: JsonMap = {"tenant": self.tenant, "id": self.id, "age_s": age, "documents": self.documents}
        data |= {"alarm_s": self.alarm_s, "is_well": self.is_well}
        return data | ({"reason": self.reason} if self.reason else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleFact:
    """The newest bundle in a store. ``age_s`` None: there is none, or ``reason`` says why nobody can tell."""

    store: str
    alarm_s: float
    age_s: float | None = None
    reason: str = ""

    @property
    def is_well(self) -> bool:
        return self.age_s is not None and self.age_s <= self.alarm_s

    def to_json(self) -> JsonMap:
        age = None if self.age_s is None else round(self.age_s, 3)
        data: JsonMap = {"store": self.store, "age_s": age, "alarm_s": self.alarm_s, "is_well": self.is_well}
        return data | ({"reason": self.reason} if self.reason else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport:
    """Who serves what, and what needs somebody. ``sites`` and ``edges`` in configuration order.

    ``backups``: of each tenant that the witness says is served.
    """

    at: datetime
    sites: tuple[str, ...]
    served: tuple[Served, ...]
    runs: tuple[RunFact, ...]
    edges: tuple[EdgeFact, ...] = ()
    backups: tuple[BackupFact, ...] = ()
    bundles: tuple[BundleFact, ...] = ()
    ending: Ending = DONE

    def to_json(self) -> JsonMap:
        return {
            "at": render_utc(self.at),
            "tenants": [each.to_json() for each in self.served],
            "backups": [each.to_json() for each in self.backups],
            "bundles": [each.to_json() for each in self.bundles],
            "runs": [each.to_json() for each in self.runs],
            "hosts": [each.to_json() for each in self.edges],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Lines that are the whole answer (configuration, schema, names of secrets)."""

    lines: tuple[str, ...]
    data: JsonMap
    summary: str = ""
    ending: Ending = DONE

    def to_json(self) -> JsonMap:
        return self.data


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellation:
    """A run that another process was asked to stop. ``status``: cancelled, unknown, or what would be done."""

    run: str
    owner: str
    status: str
    served: tuple[Served, ...]
    can_go_back: bool = False
    ending: Ending = DONE

    def to_json(self) -> JsonMap:
        tenants: list[Json] = [each.to_json() for each in self.served]
        return {"run": self.run, "owner": self.owner, "status": self.status, "tenants": tenants}


Result = Cancellation | Review | Takeover | RunReport | StatusReport | Listing
