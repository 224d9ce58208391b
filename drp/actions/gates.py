"""The look between two waves: may the next one begin?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from drp.actions.action import Call, WritePorts
from drp.actions.checks import Check
from drp.errors import VerificationError
from drp.model.values import JsonMap

_ALIKE: Final = 2
"""Tenants that must fail alike before it can be called a common cause: one may just be sick."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateParams:
    """``after``: the wave before, ``before``: its tenants; ``stop_at``: share of them that may fail alike."""

    after: str
    before: tuple[str, ...]
    stop_at: float


@dataclass(frozen=True, slots=True)
class Common:
    """What several tenants failed of: ``step`` without their names, kind of ``error``, one's words."""

    step: str
    error: str
    message: str
    tenants: tuple[str, ...]


class Gate(Check):
    """Stops the waves that follow when too much of one failed of the same cause; other failures go on."""

    name: ClassVar[str] = "fleet.gate"
    params = GateParams

    def apply(self, ports: WritePorts, params: GateParams, call: Call) -> JsonMap:
        failures = {name: call.failures[name] for name in params.before if name in call.failures}
        common = find_common(params.before, failures, stop_at=params.stop_at)
        if common is not None:
            raise VerificationError(
                f"cannot go on after wave '{params.after}': {len(common.tenants)} of {len(params.before)} "
                f"failed at '{common.step}' alike: {common.message}",
                state="the tenants of the waves that follow were not begun",
                hint=f"Cure the cause, then `drp resume {call.run}`.",
                page="L9",
            )
        return {"wave": params.after, "tenants": len(params.before), "failed": len(failures)}


def find_common(wave: Collection[str], failures: Mapping[str, JsonMap], *, stop_at: float) -> Common | None:
    """The cause by which most of a wave's tenants failed, if by more of them than it may be."""
    kinds = {name: (_kind(failure["step"]), str(failure["error"])) for name, failure in failures.items()}
    worst = Counter(kinds.values()).most_common(1)
    if not worst:
        return None
    (step, error), count = worst[0]
    if count < _ALIKE or count <= stop_at * len(wave):
        return None
    alike = tuple(name for name, kind in kinds.items() if kind == (step, error))
    return Common(step, error, str(failures[alike[0]]["message"]), alike)


def _kind(step: object) -> str:
    """``create/acme/api`` -> ``create``."""
    return str(step).partition("/")[0]
