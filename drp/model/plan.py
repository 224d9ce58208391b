"""Steps and plans: frozen data that survives a crash, a restart and a newer drp."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from drp.errors import Place
from drp.model.values import Json, JsonMap

FORMAT: Final = 2
"""2 has scopes, ``after`` and policies that leave a part standing; a plan without them is written as 1."""

ON_FAILURE: Final = ("roll-back", "stop", "continue", "quarantine")
"""What may happen when a step fails; drp/engine/README.md has the laws."""

_MOST_DOUBLINGS: Final = 64
"""Beyond this any delay has met its limit; it keeps the power within what a float holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """``attempts`` in all (1 = once); ``wait`` grows by ``factor`` up to ``limit``; transient errors only."""

    attempts: int = 1
    wait: timedelta = timedelta(seconds=1)
    factor: float = 2.0
    limit: timedelta = timedelta(seconds=30)

    def next_delay(self, attempt: int) -> timedelta | None:
        """Delay before attempt ``attempt + 1`` (attempts count from 1), or None when there is none left."""
        if attempt >= self.attempts:
            return None
        seconds = self.wait.total_seconds() * self.factor ** min(attempt - 1, _MOST_DOUBLINGS)
        return timedelta(seconds=min(seconds, self.limit.total_seconds()))


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionSpec:
    """What a compiler must know of an action: ``params`` is a frozen dataclass of JSON values.

    ``makes_wait``: once it is done, clients wait until something lets them go on.
    """

    name: str
    params: type
    reversible: bool = True
    read_only: bool = False
    makes_wait: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One single change of the world (or one look at it), as data.

    ``action`` names an entry of the catalogue, ``params`` is JSON checked against its type when the
    plan was compiled. ``final``: once begun, nothing before it is undone. ``approval``: the question a
    human must have answered before the run begins. ``pools``: tokens the step holds while it runs,
    all at once or none. ``read_only``: a look; it changes nothing, so there is nothing to take back.
    ``place``: the line of the runbook that made the step. ``scope``: whom it is for, a tenant in a run over
    many; "" is the plan's own. ``after``: ids of steps that must have ended, however, before it begins.
    """

    id: str
    action: str
    params: JsonMap
    stage: str
    needs: frozenset[str] = frozenset()
    retry: RetryPolicy = RetryPolicy()
    deadline: timedelta
    approval: str | None = None
    final: bool = False
    pools: Mapping[str, int] = field(default_factory=dict)
    read_only: bool = False
    place: Place | None = None
    scope: str = ""
    after: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything a run will do, in compile order (a topological order of ``needs`` and ``after``).

    ``inputs`` are the verb's arguments and the facts the plan was made from (JSON, no secrets).
    ``on_failure``: one of ``ON_FAILURE``. ``limits``: capacity of each pool.
    """

    run: str
    runbook: str
    tenant: str
    steps: tuple[Step, ...]
    inputs: JsonMap
    on_failure: str = "roll-back"
    limits: Mapping[str, int] = field(default_factory=dict)

    def step(self, step_id: str) -> Step:
        """The step of that id. Raises KeyError."""
        for step in self.steps:
            if step.id == step_id:
                return step
        raise KeyError(step_id)

    def stages(self) -> tuple[str, ...]:
        """Stage names in the order in which they first occur."""
        return tuple(dict.fromkeys(step.stage for step in self.steps))

    def scopes(self) -> tuple[str, ...]:
        """Scopes in the order in which they first occur."""
        return tuple(dict.fromkeys(step.scope for step in self.steps))

    def to_json(self) -> JsonMap:
        """In the oldest format that holds it, so that an older drp refuses only what it would do wrongly."""
        is_new = any(step.scope or step.after for step in self.steps)
        return {
            "format": FORMAT if is_new or self.on_failure not in ("roll-back", "stop") else 1,
            "run": self.run,
            "runbook": self.runbook,
            "tenant": self.tenant,
            "inputs": self.inputs,
            "on_failure": self.on_failure,
            "limits": dict(self.limits),
            "steps": [_step_to_json(step) for step in self.steps],
        }

    @classmethod
    def from_json(cls, data: JsonMap) -> Plan:
        """The inverse of ``to_json``. Raises ValueError for a format this drp does not read."""
        if data.get("format") not in (1, FORMAT):
            raise ValueError(f"plan format {data.get('format')}, this drp reads 1 to {FORMAT}")
        fields = {k: v for k, v in data.items() if k not in ("format", "steps")}
        steps = tuple(_step_from_json(step) for step in _list(data["steps"]))
        return cls(steps=steps, **fields)  # type: ignore[arg-type]

    def digest(self) -> str:
        """SHA-256 of the canonical JSON, hexadecimal."""
        return hashlib.sha256(canonical(self.to_json())).hexdigest()


def canonical(value: Json) -> bytes:
    """JSON bytes that are the same for equal values: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _list(value: Json) -> Iterable[JsonMap]:
    if not isinstance(value, list):
        raise ValueError("plan has no list of steps")
    return [item for item in value if isinstance(item, dict)]


def _step_to_json(step: Step) -> JsonMap:
    added: JsonMap = {"scope": step.scope} if step.scope else {}
    if step.after:
        added["after"] = [*sorted(step.after)]
    return {
        "id": step.id,
        "action": step.action,
        "params": step.params,
        "stage": step.stage,
        "needs": [*sorted(step.needs)],
        "retry": {
            "attempts": step.retry.attempts,
            "wait_s": step.retry.wait.total_seconds(),
            "factor": step.retry.factor,
            "limit_s": step.retry.limit.total_seconds(),
        },
        "deadline_s": step.deadline.total_seconds(),
        "approval": step.approval,
        "final": step.final,
        "pools": dict(step.pools),
        "read_only": step.read_only,
        "place": None if step.place is None else [step.place.file, step.place.line, step.place.column],
        **added,
    }


def _step_from_json(data: JsonMap) -> Step:
    retry, place = data["retry"], data["place"]
    if not isinstance(retry, dict):
        raise ValueError("step has no retry policy")
    return Step(
        id=str(data["id"]),
        action=str(data["action"]),
        params=data["params"],  # type: ignore[arg-type]
        stage=str(data["stage"]),
        needs=frozenset(data["needs"]),  # type: ignore[arg-type]
        retry=RetryPolicy(
            attempts=int(retry["attempts"]),  # type: ignore[arg-type]
            wait=timedelta(seconds=float(retry["wait_s"])),  # type: ignore[arg-type]
            factor=float(retry["factor"]),  # type: ignore[arg-type]
            limit=timedelta(seconds=float(retry["limit_s"])),  # type: ignore[arg-type]
        ),
        deadline=timedelta(seconds=float(data["deadline_s"])),  # type: ignore[arg-type]
        approval=data["approval"],  # type: ignore[arg-type]
        final=bool(data["final"]),
        pools=data["pools"],  # type: ignore[arg-type]
        read_only=bool(data["read_only"]),
        place=None if place is None else Place(*place),  # type: ignore[misc]
        scope=str(data.get("scope", "")),
        after=frozenset(data.get("after", ())),  # type: ignore[arg-type]
    )
