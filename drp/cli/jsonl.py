"""Machines read this: JSON lines, ``hello`` first and ``result`` last; see README.md beside this file."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from importlib.metadata import version
from typing import Final

from drp.cli.screen import Screen
from drp.commands.endings import Ending
from drp.commands.events import Event, RunEvent, event_to_json, render_utc
from drp.model.values import Json, JsonMap

VERSION: Final = "1.0"


class JsonLines:
    """Writes the stream of one command. Numbers its lines from 1; names the run once there is one."""

    def __init__(self, screen: Screen, verb: str, *, now: Callable[[], datetime]) -> None:
        self._screen = screen
        self._now = now
        self._seq = 0
        self._run = ""
        self._write({"kind": "hello", "v": VERSION, "drp": version("drp"), "verb": verb})

    def __call__(self, event: Event) -> None:
        if isinstance(event, RunEvent):
            self._run = event.run
        self._write(event_to_json(event))

    def result(self, ending: Ending, data: Json) -> None:
        """The last line."""
        self._write({"kind": "result", "status": ending.word, "exit_code": ending.code, "data": data})

    def _write(self, fields: JsonMap) -> None:
        self._seq += 1
        line: JsonMap = {"seq": self._seq, "time": render_utc(self._now()), "kind": fields.pop("kind")}
        if self._run:
            line["run"] = self._run
        line.update(fields)
        self._screen.write(json.dumps(line, ensure_ascii=not self._screen.unicode) + "\n")
