"""Open runs on a tenant that a failover takes over: they end here, or the tenant is not taken."""

from __future__ import annotations

from collections.abc import Iterable

from drp.commands.desk import Desk, Workshop
from drp.commands.events import WarningEvent, render_utc
from drp.engine.fold import fold
from drp.engine.journal import Record
from drp.errors import RefusedError
from drp.witness.journal_copy import JournalCopyReader
from drp.witness.runs import RunEnd, RunEntry, RunReader, Runs

SUPERSEDED = "superseded"


def supersede(desk: Desk, workshop: Workshop, tenants: Iterable[str], *, run: str) -> None:
    """End the open runs on these tenants, whose leases are held, so that nobody takes them up again.

    Raises RefusedError for a run whose final step has begun: its target may have taken writes already.
    """
    entries = [entry for name in tenants for entry in RunReader(workshop.witness).iter_open(name)]
    for entry in entries:
        check_safe(workshop, entry)
    for entry in entries:
        end = RunEnd(
            run=entry.begin.run,
            scope=entry.begin.scope,
            status=SUPERSEDED,
            exit_code=6,
            ended=render_utc(desk.clock.now()),
            details={"by": run},
        )
        Runs(workshop.witness).end(end)
        text = f"{entry.begin.run} on {entry.begin.scope} is given up: this run takes its place"
        desk.emit(WarningEvent(code="superseded", text=text))


def check_safe(workshop: Workshop, entry: RunEntry) -> None:
    copied = JournalCopyReader(workshop.witness).load(entry.begin.run)
    records = [Record.from_bytes(each.content) for each in copied]
    if records and fold(records).past_final:
        tail = entry.begin.run
        raise RefusedError(
            f"cannot take '{entry.begin.scope}' over: '{tail}' has begun its final step, "
            "its target may have taken writes",
            state="nothing was touched",
            hint=f"Finish it with `drp resume {tail}`, or leave it out with `--except {entry.begin.scope}`.",
        )
