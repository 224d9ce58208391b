"""Runs in virtual time: the real schedulers over real plans, with steps that take as long as a table says.

What moves data shares the host on which it works: two restores on one host take twice as long each. Nothing
is done and nobody waits; so a move of an hour is simulated in the blink of an eye.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from drp.actions.moves import MoveTenant
from drp.engine.fold import RunState
from drp.engine.orders import Finish, Launch, Order, Returned, Signal, Wake
from drp.engine.scheduler import Scheduler
from drp.engine.tasks import APPLY, OBSERVE, Absent, Done, Task
from drp.model.plan import Plan

LOOK_S: Final = 0.05
CHANGE_S: Final = 0.3
SECONDS: Final[Mapping[str, float]] = {
    "image.carry": 2.0,
    "container.start": 1.0,
    "container.stop": 2.0,
    "database.ready": 2.0,
    "isolation.prove": 4.0,
    "backup.take": 30.0,
    "backup.restore": 40.0,
    "content.read": 20.0,
    "dns.agreed": 2.0,
    "fence.wait": 12.0,
}
"""What an action takes on a host of its own, for a tenant of about a gigabyte; all others CHANGE_S."""
HEAVY: Final = frozenset({"backup.take", "backup.restore", "content.read"})


@dataclass(slots=True)
class _Out:
    """A task that is out. ``left``: seconds of work; ``host`` "" when it shares nothing."""

    run: _Run
    task: Task
    left: float
    host: str


@dataclass(slots=True)
class _Run:
    """``whole``: the task of another run that waits for this one."""

    scheduler: Scheduler
    whole: tuple[_Run, Task] | None = None
    wake: float | None = None
    signals: list[Signal] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Simulated:
    """``seconds`` in all; ``busy_s``: how long each host moved data."""

    seconds: float
    busy_s: Mapping[str, float]
    outcome: str

    def busy(self, hosts: Sequence[str]) -> float:
        """Share of the time in which these hosts moved data."""
        return sum(self.busy_s.get(host, 0.0) for host in hosts) / len(hosts) / self.seconds


class Simulation:
    """``parts``: tenant -> the plan by which a step ``tenant.move`` moves it."""

    def __init__(self, plan: Plan, parts: Callable[[str], Plan] | None = None) -> None:
        self._parts = parts
        self._now = 0.0
        self._out: list[_Out] = []
        self._busy: Counter[str] = Counter()
        self._outcome = ""
        self._root = _Run(Scheduler(RunState.of(plan)))
        self._runs = [self._root]

    def run(self) -> Simulated:
        for run in self._runs:
            self._feed(run)
        while not self._outcome:
            self._advance()
        return Simulated(self._now, dict(self._busy), self._outcome)

    def _feed(self, run: _Run) -> None:
        signals, run.signals, run.wake = run.signals, [], None
        for order in run.scheduler.feed(signals, self._now):
            self._carry_out(run, order)

    def _carry_out(self, run: _Run, order: Order) -> None:
        match order:
            case Launch(task):
                self._launch(run, task)
            case Wake(at):
                run.wake = at
            case Finish(outcome):
                self._runs.remove(run)
                if run.whole is None:
                    self._outcome = outcome
                else:
                    self._return(*run.whole)

    def _launch(self, run: _Run, task: Task) -> None:
        if task.phase == APPLY and task.step.action == MoveTenant.name and self._parts is not None:
            part = _Run(Scheduler(RunState.of(self._parts(task.step.scope))), whole=(run, task))
            self._runs.append(part)
            self._feed(part)
            return
        is_heavy = task.phase == APPLY and task.step.action in HEAVY
        seconds = LOOK_S if task.phase == OBSERVE else SECONDS.get(task.step.action, CHANGE_S)
        host = str(task.step.params["host"]) if is_heavy else ""
        self._out.append(_Out(run, task, seconds, host))

    def _return(self, run: _Run, task: Task) -> None:
        run.signals.append(Returned(task, Absent() if task.phase == OBSERVE else Done({})))
        self._feed(run)

    def _advance(self) -> None:
        """To the next moment at which something ends, or a run wants to be asked."""
        sharing = Counter(each.host for each in self._out if each.host)
        ends = [each.left * sharing.get(each.host, 1) for each in self._out]
        wakes = [run.wake - self._now for run in self._runs if run.wake is not None]
        step = max(0.0, min([*ends, *wakes]))
        self._now += step
        self._busy.update(dict.fromkeys(sharing, step))
        for each in self._out:
            each.left -= step / sharing.get(each.host, 1)
        over = [each for each in self._out if each.left <= 1e-9]
        self._out = [each for each in self._out if each.left > 1e-9]
        for each in over:
            self._return(each.run, each.task)
        for run in [run for run in self._runs if run.wake is not None and run.wake <= self._now]:
            self._feed(run)
