"""What each verb does: the right use case with the right arguments, its result to the presenter."""

from __future__ import annotations

import getpass
import os
import secrets
import socket
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from drp.actions.facts import Order
from drp.cli.invocation import Invocation
from drp.cli.presenter import Presenter, Streams
from drp.cli.screen import open_screen
from drp.cli.signals import listen
from drp.commands import configure, launch, recover, sealing
from drp.commands.desk import Desk, Workshop
from drp.commands.results import Result
from drp.commands.runs import StateFolder, build_tail
from drp.commands.status import Observer
from drp.commands.wiring import Places, open_workshop
from drp.engine.faults import load_faults
from drp.errors import DrpError, RefusedError, UsageError
from drp.ports.clock import Clock
from drp.providers.clock import SystemClock

_NO_HOME: Final = Path("/var/tmp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """What a verb takes from the process it runs in; a test hands in another."""

    streams: Streams
    environment: Mapping[str, str]
    clock: Clock
    open_workshop: Callable[[Places], Workshop]
    tail: Callable[[], str]


def this_process(invocation: Invocation) -> Process:
    """The real one."""
    no_color = invocation.common.no_color
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
        tail=lambda: build_tail(secrets.choice),
    )


def run(invocation: Invocation, process: Process | None = None) -> int:
    """Do it; the exit code. Never raises."""
    process = process or this_process(invocation)
    presenter = Presenter(process.streams, invocation, now=process.clock.now)
    try:
        with presenter.ticking():
            result = Verb(invocation, process, presenter).do()
        return presenter.finish(result)
    except (DrpError, KeyboardInterrupt) as error:
        return presenter.fail(error)
    except Exception as error:
        # The outermost boundary: a traceback belongs into a log, not onto the operator's screen.
        return presenter.fail(error, log=_write_log(state_folder(invocation, process), process))
