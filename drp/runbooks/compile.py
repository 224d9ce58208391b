"""Runbook + context -> plan."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from drp.model.plan import ActionSpec, Plan
from drp.model.values import JsonMap


def compile_runbook(
    path: Path,
    context: JsonMap,
    catalogue: Mapping[str, ActionSpec],
    *,
    run: str,
    tenant: str,
    limits: Mapping[str, int] | None = None,
) -> Plan:
    """Read a runbook and the stage files it uses; expand, bind and order its steps.

    ``context`` holds a value for each input the runbook declares; ``catalogue`` maps action names to specs;
    ``limits`` gives each pool its capacity. Raises ConfigError with every problem, each with its place.
    """
    raise NotImplementedError
