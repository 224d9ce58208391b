"""Small runbooks written as text, compiled with a small catalogue."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from drp.errors import ConfigError
from drp.model.plan import ActionSpec, Plan
from drp.model.values import JsonMap
from drp.runbooks.compile import compile_runbook


@dataclass(frozen=True, slots=True, kw_only=True)
class NoParams:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class HostParams:
    host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelParams:
    """A nested value."""

    key: str
    weight: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyParams:
    host: str
    sources: tuple[str, ...] = ()
    limit: int = 7
    exact: bool = False
    label: LabelParams | None = None


CATALOGUE = {
    "do.nothing": ActionSpec(name="do.nothing", params=NoParams),
    "check.host": ActionSpec(name="check.host", params=HostParams, read_only=True),
    "file.copy": ActionSpec(name="file.copy", params=CopyParams),
}

CONTEXT: JsonMap = {
    "tenant": {"name": "acme", "domains": ["a.test", "b.test"], "port": 80, "gold": True, "none": None},
    "to": "dc5",
    "hosts": [{"name": "h1", "weight": 3}, {"name": "h2", "weight": 5}],
    "empty": [],
}


class Desk:
    """A folder for runbooks; the one called ``runbook.yml`` is compiled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "stages").mkdir()

    def write(self, text: str, name: str = "runbook.yml") -> Desk:
        (self.folder / name).write_text(textwrap.dedent(text).lstrip("\n"))
        return self

    def steps(self, text: str, *, limits: Mapping[str, int] | None = None) -> Plan:
        """Compile a runbook of one stage with these steps."""
        return self.write(one_stage(text)).compile(limits=limits)

    def compile(self, *, context: JsonMap | None = None, limits: Mapping[str, int] | None = None) -> Plan:
        return compile_runbook(
            self.folder / "runbook.yml",
            CONTEXT if context is None else context,
            CATALOGUE,
            run="test-310304-7f3a",
            tenant="acme",
            limits=limits,
        )

    def problems(self, text: str = "", *, context: JsonMap | None = None) -> list[str]:
        """What is wrong, as ``FILE:LINE:COLUMN message``."""
        if text:
            self.write(text)
        try:
            self.compile(context=context)
        except ConfigError as error:
            return [
                f"{problem.place} {problem.message}".replace(f"{self.folder}/", "")
                for problem in error.problems
            ]
        return []

    def step_problems(self, text: str) -> list[str]:
        """The same for a runbook of one stage; lines and columns count from its first step."""
        shifted = []
        for problem in self.problems(one_stage(text)):
            place, message = problem.split(" ", 1)
            _, line, column = place.split(":")
            shifted.append(f"{int(line) - HEAD}:{int(column) - INDENT} {message}")
        return shifted


HEAD, INDENT = 5, 6


def one_stage(steps: str) -> str:
    head = [
        "runbook: test",
        "inputs: {tenant: tenant, to: site, hosts: list, empty: list}",
        "stages:",
        "  - stage: one",
        "    steps:",
    ]
    assert len(head) == HEAD
    return "\n".join([*head, textwrap.indent(textwrap.dedent(steps).strip("\n"), " " * INDENT)])
