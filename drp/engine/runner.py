"""The loop that runs a plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from drp.engine.events import RunResult, Sink, ignore_events
from drp.engine.journal import Journal
from drp.engine.tasks import Perform
from drp.model.plan import Plan
from drp.ports.clock import Clock


def always() -> bool:
    """The guard of a run that needs no lease."""
    return True


class Runner:
    """Runs a plan to its end, or goes on with the run whose records the journal already holds."""

    def __init__(
        self,
        plan: Plan,
        journal: Journal,
        perform: Perform,
        *,
        clock: Clock,
        actor: str,
        epoch: int = 0,
        answers: Mapping[str, str] | None = None,
        sink: Sink = ignore_events,
        may_continue: Callable[[], bool] = always,
        in_flight: int = 32,
    ) -> None:
        raise NotImplementedError

    def run(self) -> RunResult:
        """Go forward (or, when the run had turned back, go on with that). A finished run writes nothing."""
        raise NotImplementedError

    def cancel(self) -> None:
        """Stop at the next safe point. From any thread or a signal handler."""
        raise NotImplementedError

    def turn_back(self) -> None:
        """Undo all that was begun. From any thread, before or during ``run``."""
        raise NotImplementedError

    def leave(self) -> None:
        """Let ``run`` return at once, whatever is in flight: outcome ``unknown``."""
        raise NotImplementedError
