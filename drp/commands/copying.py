"""The journal's copy in the witness, from the engine's records."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from typing import Final

from drp.engine.fold import Entry
from drp.engine.journal import Draft, Record
from drp.errors import ProviderError
from drp.model.plan import Plan
from drp.ports.clock import Clock
from drp.witness.journal_copy import CopiedRecord, JournalCopy

PATIENCE_S: Final = 300.0
"""A run waits so long for a witness that is silent; then it stops where it is."""
_PAUSE: Final = timedelta(seconds=1)
_ANNOUNCING: Final = frozenset({"plan", "answer", "resumed", "turn"})
_BEGINNING: Final = frozenset({"start", "undo"})


class CopyHook:
    """The journal's ``copy``: queues records, and blocks until those that matter are in the witness.

    Those are the plan, every answer and turn, and the begin of steps that are final or move an epoch.
    """

    def __init__(self, copy: JournalCopy, clock: Clock, plan: Plan, *, begin: Callable[[], None]) -> None:
        """``begin`` is called once the plan is in the witness, and before anything of it is done."""
        self._begin = begin
        self._copy = copy
        self._clock = clock
        self._weighty = find_weighty(plan)

    def __call__(self, records: Sequence[Record]) -> None:
        self._copy.add(CopiedRecord(record.seq, record.to_bytes()) for record in records)
        if any(self._must_be_safe(record) for record in records):
            self._flush()
        if any(record.kind == "plan" for record in records):
            self._begin()

    def _must_be_safe(self, record: Record) -> bool:
        return record.kind in _ANNOUNCING or is_begin(record, self._weighty)

    def _flush(self) -> None:
        insist(self._clock, self._copy.flush)


class Confirmation:
    """Asks the witness, before the begin of a step that weighs is recorded, if the lease is still held."""

    def __init__(self, plan: Plan, clock: Clock, confirm: Callable[[], None]) -> None:
        self._weighty = find_weighty(plan)
        self._clock = clock
        self._confirm = confirm

    def __call__(self, drafts: Sequence[Draft]) -> None:
        """Raises LeaseHeldError when it is lost, and what the witness raises when it stays silent."""
        if any(is_begin(draft, self._weighty) for draft in drafts):
            insist(self._clock, self._confirm)


def find_weighty(plan: Plan) -> frozenset[str]:
    """Steps that are in the witness before their effect: the final ones, and those that move an epoch."""
    return frozenset(step.id for step in plan.steps if step.final or step.action.startswith("epoch."))


def is_begin(entry: Entry, steps: Collection[str]) -> bool:
    """Whether this says that one of these steps begins, to be done or to be undone."""
    return entry.kind in _BEGINNING and entry.step in steps


def insist(clock: Clock, act: Callable[[], None]) -> None:
    """Do it; while the witness is silent again and again, as long as patience lasts."""
    ends = clock.monotonic() + PATIENCE_S
    while True:
        try:
            act()
        except ProviderError as error:
            if not error.transient or clock.monotonic() >= ends:
                raise
            clock.wait(_PAUSE)
        else:
            return


def catch_up(copy: JournalCopy, run: str, records: Sequence[Record]) -> None:
    """Queue what the process before us had not copied yet: a copy has no gaps."""
    head = copy.head(run)
    missing = records[head.seq if head else 0 :]
    copy.add(CopiedRecord(record.seq, record.to_bytes()) for record in missing)
