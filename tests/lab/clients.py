"""The tenants' clients: on a machine of their own, seeing names and edges only."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab.lab import Lab
from tests.lab.machine import LabError

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What became of all writes. ``lost``: acknowledged and not found by value through the API."""

    acknowledged: int
    found: int
    lost: list[str]
    refused: int
    refusals: list[str]
    slowest_s: float
    instances: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One line of a writer's log. ``began`` and ``ended``: seconds by this machine's one clock.

    ``instance`` is that of the API which acknowledged it, "" when none did.
    """

    id: str
    value: str
    began: float
    ended: float
    status: int
    instance: str

    @classmethod
    def parse(cls, line: str) -> Write:
        found = json.loads(line)
        status = int(found["status"])
        api = str(found.get("instance", "")) if status in (200, 201) else ""
        return cls(
            id=found["id"],
            value=found["value"],
            began=found["began"],
            ended=found["began"] + found["took_s"],
            status=status,
            instance=api,
        )


class Client:
    """A client of one tenant; ``log`` is named after it and ``suffix``."""

    def __init__(self, lab: Lab, tenant: str, *, ca: Path, folder: Path, suffix: str = "") -> None:
        self.lab = lab
        self.name = f"{tenant}.{lab.names.zone}"
        self.ca = ca
        self.log = folder / f"writes-{tenant}{suffix}.jsonl"
        self._writer: subprocess.Popen[bytes] | None = None

    def start_writing(
        self, *, at: str = "", prefix: str = "w", patience: float | None = None, pause: float | None = None
    ) -> None:
        """Write all the time from now on; ``at`` an edge's address, else as DNS says.

        Ids begin with ``prefix``. ``patience``: seconds to wait for an answer (longer than any hold).
        ``pause``: seconds between two writes.
        """
        words = ["write", self.name, "--ca", str(self.ca), "--log", str(self.log), "--prefix", prefix]
        words += ["--at", at] if at else []
        words += ["--patience", str(patience)] if patience else []
        words += ["--pause", str(pause)] if pause else []
        self._writer = self.lab.client.popen(sys.executable, _HERE / "writer.py", *words)

    def records(self) -> list[Write]:
        """What became of each write so far, in order."""
        text = self.log.read_text() if self.log.exists() else ""
        return [Write.parse(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def stop_writing(self) -> None:
        """Let the request under way end, then stop."""
        if self._writer is not None:
            children = Path(f"/proc/{self._writer.pid}/task/{self._writer.pid}/children").read_text().split()
            subprocess.run(
                ["kill", f"-{signal.SIGTERM}", *(children or [str(self._writer.pid)])], check=False
            )
            self._writer.wait(timeout=200)
            self._writer = None

    def verify(self) -> Verified:
        """Look for every acknowledged write through the API."""
        words = ("verify", self.name, "--ca", self.ca, "--log", self.log)
        done = self.lab.client.run(sys.executable, _HERE / "writer.py", *words, timeout=300)
        return Verified(**json.loads(done.stdout))

    def ask(self, method: str, path: str, *, at: str = "", body: str = "", token: str = "") -> dict[str, Any]:
        """One request; ``at`` an edge's address, else as DNS says. Raises LabError when none answers."""
        words = [method, f"https://{self.name}{path}", "--ca", str(self.ca)]
        words += ["--at", at] if at else []
        words += ["--body", body] if body else []
        words += ["--token", token] if token else []
        done = self.lab.client.run(sys.executable, _HERE / "client_script.py", *words, timeout=60)
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def log_in(self, user: str) -> str:
        """A token of the application. Raises LabError."""
        answer = self.ask("POST", "/session", body=json.dumps({"user": user}))
        if answer["status"] != 201:
            raise LabError(f"cannot log in as '{user}' at {self.name}: {answer['status']} {answer['body']}")
        return str(json.loads(answer["body"])["token"])
