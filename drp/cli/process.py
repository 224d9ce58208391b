"""What a verb takes from the process it runs in."""

from __future__ import annotations

import getpass
import os
import secrets
import socket
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from drp.cli.presenter import Streams
from drp.cli.screen import open_screen
from drp.commands.desk import Workshop
from drp.commands.runs import build_tail
from drp.commands.wiring import Places, open_store, open_workshop
from drp.ports.clock import Clock
from drp.ports.objects import ObjectReader
from drp.providers.clock import SystemClock


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """Streams, environment, clock, chance and the way to the world; a test hands in another."""

    streams: Streams
    environment: Mapping[str, str]
    clock: Clock
    open_workshop: Callable[[Places], Workshop]
    open_store: Callable[[str, str, str, Path], ObjectReader]
    """Of URL, bucket, region, and the file with the credentials."""
    tail: Callable[[], str]


def this_process(*, no_color: bool) -> Process:
    """The real one."""
    streams = Streams(
        stdin=sys.stdin,
        stdout=open_screen(sys.stdout, os.environ, no_color=no_color),
        stderr=open_screen(sys.stderr, os.environ, no_color=no_color),
    )
    return Process(
        streams=streams,
        environment=os.environ,
        clock=SystemClock(),
        open_workshop=open_workshop,
        open_store=open_store,
        tail=lambda: build_tail(secrets.choice),
    )


def operator_of(environment: Mapping[str, str]) -> str:
    """``DRP_OPERATOR``, else user@host."""
    return environment.get("DRP_OPERATOR") or f"{_user()}@{socket.gethostname()}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # An id without an entry in the user database.
        return str(os.getuid())


def write_bug_log(folder: Path, now: datetime) -> str:
    """Write the traceback that is being handled; the file's name, "" when it cannot be written."""
    path = folder / f"bug-{now:%y%m%d-%H%M%S}.log"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(traceback.format_exc())
    except OSError:
        return ""
    return str(path)
