"""Run the verb that was asked for; turn whatever happens into words and an exit code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drp.cli.invocation import Invocation
from drp.cli.places import state_folder
from drp.cli.presenter import Presenter
from drp.cli.process import Process, this_process, write_bug_log
from drp.cli.verbs import (
    backups,
    bundle,
    changes,
    configuration,
    drill,
    fleet,
    journals,
    looking,
    readiness,
    reports,
    runbooks,
    runs,
    schedule,
    serving,
    shell,
)
from drp.cli.verbs.session import Do, Session
from drp.errors import DrpError

DO: Final[Mapping[str, Do]] = {
    **changes.DO,
    **fleet.DO,
    **drill.DO,
    **schedule.DO,
    **backups.DO,
    **bundle.DO,
    **serving.DO,
    **looking.DO,
    **readiness.DO,
    **runs.DO,
    **reports.DO,
    **runbooks.DO,
    **journals.DO,
    **configuration.DO,
    **shell.DO,
}


def run(invocation: Invocation, process: Process | None = None) -> int:
    """Do it; the exit code. Never raises."""
    process = process or this_process(no_color=invocation.common.no_color)
    presenter = Presenter(process.streams, invocation, now=process.clock.now)
    try:
        with presenter.ticking():
            result = DO[invocation.verb](Session(invocation, process, presenter))
        return presenter.finish(result)
    except (DrpError, KeyboardInterrupt) as error:
        return presenter.fail(error)
    except Exception as error:
        # The outermost boundary: a traceback belongs into a log, not onto the operator's screen.
        log = write_bug_log(state_folder(invocation.common.state, process.environment), process.clock.now())
        return presenter.fail(error, log=log)
