"""The command of a guard's container in memory: what it was told stays with the host."""

from __future__ import annotations

import json

from drp.model.takeovers import merge
from drp.model.values import JsonMap
from drp.ports.hosts import ExecResult
from drp.testing.hosts import FakeHost


def run_guard(host: FakeHost, _container: str, argv: tuple[str, ...]) -> ExecResult:
    """``python3 -m drp.guard told`` and ``tell JSON``."""
    match argv[3:]:
        case ("told",):
            return ExecResult(exit_code=0, output=json.dumps(host.told))
        case ("tell", text):
            host.told = merge(host.told, json.loads(text))
            answer: JsonMap = dict(host.told)
            return ExecResult(exit_code=0, output=json.dumps(answer))
    return ExecResult(exit_code=2, output="cannot guard: give no word, `told`, or `tell JSON`")
