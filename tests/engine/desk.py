"""A scheduler on a desk: signals in by hand, orders noted, time moved by hand."""

from __future__ import annotations

from drp.engine.fold import RunState
from drp.engine.orders import Finish, Launch, Returned, Signal, Wake, Write
from drp.engine.scheduler import Scheduler
from drp.engine.tasks import Absent, Done, Failed, Outcome, Phase, Task
from drp.model.plan import Plan


class Desk:
    def __init__(self, plan: Plan, *, in_flight: int = 8, state: RunState | None = None) -> None:
        self.scheduler = Scheduler(state or RunState.of(plan), in_flight=in_flight, grace=5.0)
        self.now = 0.0
        self.wake: float | None = None
        self.written: list[str] = []
        self.launched: list[str] = []
        self.out: dict[str, Task] = {}
        self.outcome: str | None = None

    def feed(self, *signals: Signal, after: float = 0.0) -> Desk:
        self.now += after
        self.wake = None
        for order in self.scheduler.feed(signals, self.now):
            match order:
                case Write(draft):
                    self.written.append(f"{draft.kind} {draft.step}".strip())
                case Launch(task):
                    self.launched.append(f"{task.phase} {task.step.id}")
                    self.out[task.step.id] = task
                case Wake(at):
                    self.wake = at
                case Finish(outcome):
                    self.outcome = outcome
        return self

    def reply(self, step: str, outcome: Outcome, *, after: float = 0.0) -> Desk:
        return self.feed(Returned(self.out.pop(step), outcome), after=after)

    def do(self, *steps: str) -> Desk:
        """Look, find nothing, and do it."""
        for step in steps:
            self.reply(step, Absent())
            self.reply(step, Done({"from": step}))
        return self

    def phases(self) -> dict[str, Phase]:
        """Step -> phase of what is out."""
        return {step: task.phase for step, task in sorted(self.out.items())}

    def state(self, step: str) -> str:
        return self.scheduler.state.steps[step].status


def transient(retry_after: float | None = None) -> Failed:
    return Failed(error="UnreachableError", message="no answer", transient=True, retry_after=retry_after)


def fatal() -> Failed:
    return Failed(error="RejectedError", message="no")
