"""An operator's machine on which drp is typed, and the tenants as the tests want them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab.configuration import Written
from tests.lab.lab import Lab
from tests.lab.machine import LabError, Machine
from tests.lab.state import CHECKOUT

PATIENCE_S = 600.0
"""A command that says nothing for so long hangs; on a busy machine an honest one takes minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How a command ended; ``data`` is the result line of its JSON, ``said`` the end of what it printed."""

    code: int
    data: dict[str, Any]
    said: str
    output: str = ""
    """All that it printed."""

    @property
    def was_killed(self) -> bool:
        """By SIGKILL; a wrapper tells it as 128 + 9."""
        return self.code in (-signal.SIGKILL, 128 + signal.SIGKILL)


class Operator:
    """Types drp commands on one machine, with a state folder of its own."""

    def __init__(self, lab: Lab, machine: Machine, written: Written, *, state: Path) -> None:
        self.lab = lab
        self.machine = machine
        self.written = written
        self.state = state
        self.said = state.parent / f"said-{machine.name}.log"
        """All that drp has said here; it is searched for secrets in the end."""

    def words(self, *words: str) -> list[str]:
        folders = ["--config", str(self.written.folder), "--state", str(self.state)]
        folders += ["--runbooks", str(self.written.runbooks)] if self.written.runbooks else []
        return [sys.executable, "-m", "drp", *words, *folders, "--key-file", str(self.written.key_file)]

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        # the drp of this checkout, whatever is installed
        known = {"DRP_OPERATOR": f"tester@{self.machine.name}", "PYTHONPATH": str(CHECKOUT)}
        return {**known, **(more or {})}

    def try_drp(
        self, *words: str, env: Mapping[str, str] | None = None, timeout: float = PATIENCE_S
    ) -> Finished:
        """Run one command with ``--json``; whatever its exit code."""
        done = self.machine.run(
            *self.words(*words, "--json"), check=False, env=self.environment(env), timeout=timeout
        )
        output = done.stdout + done.stderr
        with self.said.open("a") as log:
            log.write(output)
        return Finished(
            code=done.returncode, data=_find_result(done.stdout), said=output[-6000:], output=output
        )

    def drp(self, *words: str, timeout: float = PATIENCE_S) -> dict[str, Any]:
        """Run one command that must end with exit code 0; its result. Raises LabError."""
        finished = self.try_drp(*words, timeout=timeout)
        if finished.code != 0:
            raise LabError(f"cannot run 'drp {' '.join(words)}': exit {finished.code}: {finished.said}")
        return finished.data

    def begin(self, *words: str, log: Path, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a command and go on."""
        return self.machine.popen(*self.words(*words, "--json"), log=log, env=self.environment(env))


def _find_result(text: str) -> dict[str, Any]:
    for line in reversed(text.splitlines()):
        if line.startswith("{"):
            found: dict[str, Any] = json.loads(line).get("data", {})
            return found
    return {}
