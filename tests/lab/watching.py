"""What a run says while it goes on: a test waits for a line, does something to the world, and waits again."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from tests.lab.console import Finished, Operator

_TOO_LONG_S = 600
"""A run that says nothing new of what is waited for in this time is taken for one that hangs."""


@dataclass
class Watched:
    """A run that was started in the background; ``events`` are the JSON lines it has printed."""

    process: subprocess.Popen[bytes]
    log: Path
    began: float = field(default_factory=time.monotonic)

    @classmethod
    def begin(cls, operator: Operator, *words: str, log: Path) -> Watched:
        log.unlink(missing_ok=True)
        return cls(operator.begin(*words, log=log), log)

    def events(self) -> list[dict[str, Any]]:
        text = self.log.read_text() if self.log.exists() else ""
        whole = text[: text.rfind("\n") + 1].splitlines()
        return [json.loads(line) for line in whole if line.startswith("{")]

    def count(self, step: str, status: str) -> int:
        """Lines of the steps that fit the pattern."""
        found = (e for e in self.events() if e["kind"] == "step" and e["status"] == status)
        return sum(fnmatchcase(e["step"], step) for e in found)

    def await_step(self, step: str, status: str) -> None:
        """Until a step that fits the pattern has got this status. Raises as ``await_``."""
        self.await_(lambda: self.count(step, status) > 0, f"{step} {status}")

    def await_(self, condition: Callable[[], bool], what: str) -> None:
        """Raises AssertionError when the run ends before."""
        ends = time.monotonic() + _TOO_LONG_S
        while not condition():
            assert self.process.poll() is None or condition(), f"ended before {what}: {self.tail()}"
            assert time.monotonic() < ends, f"waited in vain for {what}: {self.tail()}"
            time.sleep(0.05)

    def finish(self) -> Finished:
        """Wait for the end, print how long the steps took, and say how the run ended."""
        code = self.process.wait(timeout=_TOO_LONG_S)
        events = self.events()
        results: list[dict[str, Any]] = [e.get("data", {}) for e in events if e["kind"] == "result"]
        print(f"exit {code} after {time.monotonic() - self.began:.1f} s; {self._summary(events)}")
        return Finished(code=code, data=results[-1] if results else {}, said=self.tail())

    def _summary(self, events: list[dict[str, Any]]) -> str:
        slow = Counter[str]()
        for event in events:
            if event["kind"] == "step" and event.get("elapsed_ms", 0) >= 3000:
                slow[event["step"]] = max(slow[event["step"]], event["elapsed_ms"])
        return ", ".join(f"{step} {ms / 1000:.1f} s" for step, ms in slow.most_common())

    def tail(self) -> str:
        return self.log.read_text()[-6000:] if self.log.exists() else ""
