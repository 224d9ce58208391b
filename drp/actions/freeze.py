"""How long a tenant's writes have been held, and how long they may be."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from drp.actions.action import Call, ReadPorts, WritePorts
from drp.errors import VerificationError


def find_held_s(ports: ReadPorts | WritePorts, holds: Collection[str], call: Call) -> float:
    """Seconds since the first of the steps ``holds`` held requests; 0 when none did."""
    moments = [str(call.inputs[step]["held_at"]) for step in holds if "held_at" in call.inputs.get(step, {})]
    if not moments:
        return 0.0
    return (ports.clock.now() - min(datetime.fromisoformat(moment) for moment in moments)).total_seconds()


def check_freeze(tenant: str, *, held_s: float, limit_s: float) -> None:
    """Raises VerificationError when writes have been held longer than the tenant allows."""
    if held_s > limit_s:
        raise VerificationError(
            f"cannot go on with '{tenant}': its writes are held for {held_s:.0f} s, "
            f"it allows {limit_s:.0f} s",
            page="E13",
        )


def limit_to_freeze(
    ports: WritePorts, call: Call, *, tenant: str, limit_s: float | None, holds: Collection[str]
) -> Call:
    """The call with no more time than the freeze leaves. ``limit_s`` None: nobody waits, nothing is limited.

    Raises VerificationError when nothing is left.
    """
    if limit_s is None:
        return call
    held_s = find_held_s(ports, holds, call)
    check_freeze(tenant, held_s=held_s, limit_s=limit_s)
    return replace(call, deadline_s=min(call.deadline_s, limit_s - held_s))
