"""Who does the tasks: threads that bring outcomes back over one queue."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Protocol, TypeAlias

from drp.engine.faults import Faults, NoFaults, point_after_effect
from drp.engine.orders import Returned, Signal
from drp.engine.tasks import OBSERVE, Failed, Outcome, Perform, Task
from drp.errors import DrpError
from drp.model.values import JsonMap

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progressed:
    """A worker says how far it is."""

    task: Task
    data: JsonMap


@dataclass(frozen=True, slots=True)
class LeaveAsked:
    """Do not wait for anybody."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A worker met something that is no Exception: it is raised again on the run's own thread."""

    cause: BaseException


Message: TypeAlias = Signal | Progressed | LeaveAsked | Broken


class Workers(Protocol):
    """Does tasks beside the loop."""

    def launch(self, task: Task) -> None:
        """Begin the task; its outcome comes as ``Returned`` from ``wait``."""
        ...

    def post(self, message: Message) -> None:
        """Put a message among the outcomes. From any thread or a signal handler."""
        ...

    def wait(self, timeout: float | None) -> Sequence[Message]:
        """Everything that has come; blocks up to ``timeout`` seconds (None: for ever) for the first."""
        ...

    def close(self) -> None:
        """No task will be launched any more."""
        ...


def perform_task(
    task: Task, perform: Perform, *, faults: Faults, post: Callable[[Progressed], None]
) -> Outcome:
    """One task from fault point to fault point; exceptions become ``Failed``."""
    if task.phase == OBSERVE:
        faults.hit(f"observe-before:{task.step.id}")
    try:
        outcome = perform(task, lambda data: post(Progressed(task, data)))
    except DrpError as error:
        outcome = Failed.of(error)
    except Exception as error:
        # The one place where the engine meets errors of unknown kind: a bug in an action must end as a
        # failed step, so that the run still turns back.
        _log.exception("unexpected error in '%s' of step '%s'", task.phase, task.step.id)
        outcome = Failed.of(error)
    faults.hit(point_after_effect(task.phase, task.step.id))
    return outcome


class ThreadWorkers:
    """Daemon threads, as many as tasks are out, reused. A thread that hangs is left behind."""

    def __init__(self, perform: Perform, faults: Faults | None = None) -> None:
        self._perform = perform
        self._faults = faults or NoFaults()
        self._inbox: SimpleQueue[Message] = SimpleQueue()
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0
        self._threads = 0

    def launch(self, task: Task) -> None:
        with self._lock:
            grow = self._idle == 0
            self._idle -= 0 if grow else 1
            self._threads += grow
        if grow:
            threading.Thread(target=self._work, args=(task,), daemon=True, name="drp-worker").start()
        else:
            self._tasks.put(task)

    def post(self, message: Message) -> None:
        self._inbox.put(message)

    def wait(self, timeout: float | None) -> list[Message]:
        try:
            found = [self._inbox.get(timeout=timeout)]
        except Empty:
            return []
        while True:
            try:
                found.append(self._inbox.get_nowait())
            except Empty:
                return found

    def close(self) -> None:
        for _ in range(self._threads):
            self._tasks.put(None)

    def _work(self, first: Task) -> None:
        task: Task | None = first
        while task is not None:
            try:
                outcome = perform_task(task, self._perform, faults=self._faults, post=self._inbox.put)
            except BaseException as error:
                # Not swallowed: the loop raises it where the caller of ``run`` can see it.
                self._inbox.put(Broken(error))
                return
            with self._lock:
                self._idle += 1
            self._inbox.put(Returned(task, outcome))
            task = self._tasks.get()
