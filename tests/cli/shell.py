"""A shell on which drp is typed: real parsing, use cases and texts, over the company in memory."""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from drp.cli.arguments import parse_arguments
from drp.cli.presenter import Streams
from drp.cli.process import Process
from drp.cli.screen import open_screen
from drp.cli.verbs.running import run
from drp.commands.desk import Workshop
from drp.commands.wiring import Places
from drp.model.values import JsonMap
from drp.ports.objects import ObjectReader
from drp.testing.company import FakeCompany
from tests.commands.bench import TAILS, build_workshop, deployed

PLAN = re.compile(r"\bplan ([0-9a-f]{4}-[0-9a-f]{4}|[0-9a-f]{12})\b")
GOLDEN = Path(__file__).parent / "golden"


class Stream(io.StringIO):
    """Text that was written (or is typed); ``terminal`` is what ``isatty`` says."""

    def __init__(self, text: str = "", *, terminal: bool = False, encoding: str = "utf-8") -> None:
        super().__init__(text)
        self._terminal = terminal
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    def isatty(self) -> bool:
        return self._terminal


@dataclass(frozen=True, slots=True)
class Said:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def words(self) -> str:
        """Standard error as one line, however it was wrapped."""
        return " ".join(self.err.split())

    def lines(self) -> list[JsonMap]:
        """Standard output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]

    def show(self) -> str:
        """For golden files."""
        return f"[stderr]\n{self.err}[stdout]\n{self.out}[exit {self.code}]\n"


@dataclass
class Shell:
    """Types commands one after the other. ``open`` may be replaced by what fails."""

    state: Path
    company: FakeCompany = field(default_factory=deployed)
    environment: Mapping[str, str] = field(default_factory=lambda: {"DRP_OPERATOR": "ops@here"})
    encoding: str = "utf-8"
    runs: int = 0
    workshop: Workshop | None = None
    open: Callable[[Places], Workshop] | None = None
    interrupts: int = 0
    """How often Ctrl-C is pressed when the run id is made."""

    def __post_init__(self) -> None:
        self.workshop = build_workshop(self.company)

    def type(self, line: str, *, answer: str | None = None) -> Said:
        """``answer``: what is typed at a terminal; None: there is none."""
        streams = [Stream(terminal=answer is not None, encoding=self.encoding) for _ in range(2)]
        code = self.run(line, Stream(answer or "", terminal=answer is not None), *streams)
        return Said(code, *(stream.getvalue() for stream in streams))

    def run(self, line: str, stdin: Stream, stdout: Stream, stderr: Stream) -> int:
        invocation = parse_arguments([*line.split(), "--state", str(self.state)])
        assert invocation is not None
        environment = {"TERM": "dumb", **self.environment}
        screens = [
            open_screen(each, environment, no_color=invocation.common.no_color) for each in (stdout, stderr)
        ]
        process = Process(
            streams=Streams(stdin=stdin, stdout=screens[0], stderr=screens[1]),
            environment=environment,
            clock=self.company.clock,
            open_workshop=self.open or self._open,
            open_store=self._open_store,
            tail=self._tail,
        )
        return run(invocation, process)

    def _open(self, places: Places) -> Workshop:
        assert self.workshop is not None
        return self.workshop

    def _open_store(self, url: str, bucket: str, region: str, credentials: Path) -> ObjectReader:
        return self.company.stores[bucket]

    def _tail(self) -> str:
        if self.interrupts:
            raise KeyboardInterrupt
        self.runs += 1
        return TAILS[self.runs - 1]


def check_golden(name: str, text: str) -> None:
    """Compare with the golden file; ``DRP_GOLDEN=write`` writes it anew, to be read before it is kept."""
    path = GOLDEN / f"{name}.txt"
    # a plan's name changes with every runbook, its words do not
    text = PLAN.sub("plan 2a78-3e84", text)
    if os.environ.get("DRP_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()
