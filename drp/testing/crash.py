"""Cuts the power at every point of a run and compares the worlds.

A ``Scenario`` is a world, a plan and the hands that carry the plan out. ``Crasher`` runs it once in
peace, then again and again: killed at one point, resumed (and killed while it resumes), until the run
has ended. The world, the outcome and the second resume (which must do nothing) are compared with the
undisturbed run. Every "process" begins with nothing but the world and the journal's bytes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Generic, TypeAlias, TypeVar

from drp.engine.faults import Faults
from drp.engine.fold import fold
from drp.engine.journal import Journal, MemoryJournal, Record
from drp.engine.orders import Returned
from drp.engine.runner import Runner
from drp.engine.tasks import Outcome, Perform, Task
from drp.engine.workers import Message, Workers, perform_task
from drp.errors import BugError, DrpError, RefusedError
from drp.model.plan import Plan
from drp.testing.clock import ManualClock
from drp.testing.failures import PowerCut

W = TypeVar("W")

Hit: TypeAlias = Callable[[str], None]
"""Told of a point inside an effect; does not return where the power is cut."""


class Countdown:
    """Faults that cut the power at the ``at``-th point (0: never) and keep the names of all points met."""

    def __init__(self, at: int = 0) -> None:
        self.at = at
        self.points: list[str] = []

    def hit(self, point: str) -> None:
        self.points.append(point)
        if self.at and len(self.points) >= self.at:
            raise PowerCut(point)


class SteppedWorkers:
    """Does the tasks in the caller's thread, in an order and in groups drawn from ``chance``."""

    def __init__(
        self, perform: Perform, faults: Faults, *, chance: random.Random, clock: ManualClock
    ) -> None:
        self._perform, self._faults = perform, faults
        self._chance, self._clock = chance, clock
        self._tasks: list[Task] = []
        self._inbox: list[Message] = []

    def launch(self, task: Task) -> None:
        self._tasks.append(task)

    def post(self, message: Message) -> None:
        self._inbox.append(message)

    def wait(self, timeout: float | None) -> Sequence[Message]:
        for _ in range(self._chance.randint(1, len(self._tasks)) if self._tasks else 0):
            task = self._tasks.pop(self._chance.randrange(len(self._tasks)))
            self._inbox.append(Returned(task, self.do(task)))
        if not self._inbox:
            if timeout is None:
                raise BugError("the run waits for ever")
            self._clock.wait(timedelta(seconds=timeout))
        found, self._inbox = self._inbox, []
        return found

    def do(self, task: Task) -> Outcome:
        return perform_task(task, self._perform, faults=self._faults, post=self.post)

    def close(self) -> None:
        """There is nobody to send home."""


def _no_complaints(_world: object) -> Sequence[str]:
    return ()


def _new_clock(_world: object) -> ManualClock:
    return ManualClock()


def _as_it_is(_runner: Runner) -> None:
    """Nothing is broken."""


def _honest(hands: Perform, _stored: Sequence[bytes]) -> Perform:
    return hands


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario(Generic[W]):
    """``perform`` makes the hands anew for each process; ``hit`` may be called by them inside effects.

    ``dump`` is what must be equal in the end, ``dump_back`` what must be as at the start after everything
    was undone (default: the same). ``complaints`` is what a world noticed by itself: something done twice,
    or taken away under somebody's feet.
    """

    plan: Plan
    make_world: Callable[[], W]
    perform: Callable[[W, Hit], Perform]
    dump: Callable[[W], object]
    dump_back: Callable[[W], object] | None = None
    complaints: Callable[[W], Sequence[str]] = _no_complaints
    clock: Callable[[W], ManualClock] = _new_clock
    copy: Callable[[W], W] = deepcopy
    in_flight: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The parts a run is made of; a test of this harness replaces one by a broken one."""

    journal: Callable[[list[bytes]], Journal] = MemoryJournal
    workers: Callable[..., Workers] = SteppedWorkers
    hands: Callable[[Perform, Sequence[bytes]], Perform] = _honest
    """Given the hands and the journal as the process finds it: the hands it works with."""
    tamper: Callable[[Runner], None] = _as_it_is


@dataclass(slots=True)
class Tally:
    """How many points and crashes there were, and every difference found."""

    points: int = 0
    crashes: int = 0
    findings: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        self.points += other.points
        self.crashes += other.crashes
        self.findings.extend(other.findings)


@dataclass(frozen=True, slots=True)
class _Life:
    """One process: how its run ended (None: the power was cut) and the points it met."""

    outcome: str | None
    points: list[str]


@lru_cache(maxsize=8)
def _read_plan(stored: bytes) -> Plan:
    """The plan of a journal's first record; the same bytes are the same plan."""
    return fold([Record.from_bytes(stored)]).plan


class Crasher(Generic[W]):
    """Runs one scenario in peace and then under power cuts.

    ``seed`` fixes every order and every draw; what is drawn for a point is the same whichever other points
    are tried, so a part of them can be tried elsewhere.
    """

    def __init__(self, scenario: Scenario[W], *, seed: int = 0, machine: Machine | None = None) -> None:
        self._scenario = scenario
        self._machine = machine or Machine()
        self._seed = seed
        self.tally = Tally()
        world, stored = scenario.make_world(), list[bytes]()
        self._start = (scenario.dump_back or scenario.dump)(world)
        peace = self._live(world, stored, at=0)
        self.outcome = peace.outcome
        states = fold(MemoryJournal(stored).read()).steps
        self.outputs = {step: found.outputs for step, found in states.items() if found.outputs is not None}
        self._world = scenario.dump(world)
        self._complain(world, ["in peace"])
        self.points = peace.points
        self.tally.points = len(peace.points)

    def crash_everywhere(
        self, *, sample: int | None = None, places: Sequence[int] | None = None, depth: int = 2
    ) -> Tally:
        """Crash at each point (a sample, or these), and ``depth - 1`` times more while it is being resumed.

        ``places`` are numbers of points, from 1.
        """
        for at in self._places(sample) if places is None else places:
            self._check_resumed(at, depth=depth)
        return self.tally

    def roll_back_everywhere(
        self, *, sample: int | None = None, places: Sequence[int] | None = None
    ) -> Tally:
        """Crash at each point (a sample, or these), then roll back, crashing once in doing so.

        The world must be that of the start; where there is no way back, nothing may have been touched.
        """
        for at in self._places(sample) if places is None else places:
            # what `at` points have done, about two thirds as many undo
            self._check_back(at, again=self._draw(at).randint(1, max(12, at * 2 // 3)))
        return self.tally

    # -- one story each

    def _places(self, sample: int | None) -> list[int]:
        everywhere = range(1, len(self.points) + 1)
        if sample is None or sample >= len(everywhere):
            return list(everywhere)
        return sorted(random.Random(self._seed).sample(everywhere, sample))

    def _draw(self, at: int) -> random.Random:
        return random.Random(f"{self._seed} at {at}")

    def _check_resumed(self, at: int, *, depth: int) -> None:
        """Cut at this point, ``depth - 1`` times more in resuming; after each, a copy is resumed in peace."""
        world, stored, trail = self._scenario.make_world(), list[bytes](), list[str]()
        chance = self._draw(at)
        with self._told(trail):
            for more in reversed(range(depth)):
                self._cut(world, stored, trail, at=at)
                left = self._check_end(self._scenario.copy(world) if more else world, [*stored], trail)
                if not left:
                    return
                at = chance.randint(1, left)

    def _check_end(self, world: W, stored: list[bytes], trail: Sequence[str]) -> int:
        """Resume in peace, compare, resume again. Gives the number of points that were left."""
        last = self._live(world, stored, at=0)
        self._compare(trail, "outcome", found=last.outcome, expected=self.outcome)
        self._compare(trail, "world", found=self._scenario.dump(world), expected=self._world)
        self._complain(world, trail)
        size = len(stored)
        again = self._live(world, stored, at=0)
        self._compare(trail, "second resume", found=(len(stored), again.points), expected=(size, []))
        return len(last.points)

    def _check_back(self, at: int, *, again: int) -> None:
        world, stored, trail = self._scenario.make_world(), list[bytes](), list[str]()
        with self._told(trail):
            self._cut(world, stored, trail, at=at)
            before = (len(stored), self._scenario.dump(world))
            try:
                self._cut(world, stored, trail, at=again, back=True)
                last = self._live(world, stored, at=0, back=True)
            except RefusedError:
                after = (len(stored), self._scenario.dump(world))
                self._compare([*trail, "refused"], "world", found=after, expected=before)
                return
            self._compare([*trail, "rolled back"], "outcome", found=last.outcome, expected="rolled-back")
            self._compare(
                [*trail, "rolled back"], "world", found=self._dump_back(world), expected=self._start
            )
            self._complain(world, trail)

    def _cut(self, world: W, stored: list[bytes], trail: list[str], *, at: int, back: bool = False) -> None:
        life = self._live(world, stored, at=at, back=back)
        if life.outcome is None:
            self.tally.crashes += 1
            trail.append(life.points[-1])

    def _live(self, world: W, stored: list[bytes], *, at: int, back: bool = False) -> _Life:
        scenario, faults, clock = self._scenario, Countdown(at), self._scenario.clock(world)
        journal = self._machine.journal(stored)
        plan = _read_plan(stored[0]) if stored else scenario.plan
        perform = self._machine.hands(scenario.perform(world, faults.hit), tuple(stored))
        chance = random.Random(self._seed)
        runner = Runner(
            plan,
            journal,
            perform,
            clock=clock,
            actor="tester@here",
            answers={step.id: "yes" for step in plan.steps if step.approval},
            in_flight=scenario.in_flight,
            faults=faults,
            workers=self._machine.workers(perform, faults, chance=chance, clock=clock),
        )
        self._machine.tamper(runner)
        try:
            return _Life(runner.run(back=back).outcome, faults.points)
        except PowerCut:
            return _Life(None, faults.points)

    # -- differences

    def _dump_back(self, world: W) -> object:
        return (self._scenario.dump_back or self._scenario.dump)(world)

    def _compare(self, trail: Sequence[str], what: str, *, found: object, expected: object) -> None:
        if found != expected:
            self._find(trail, f"{what} is {found}, expected {expected}")

    def _complain(self, world: W, trail: Sequence[str]) -> None:
        for complaint in self._scenario.complaints(world):
            self._find(trail, complaint)

    def _find(self, trail: Sequence[str], text: str) -> None:
        cuts = ", ".join(trail)
        self.tally.findings.append(f"seed {self._seed}, cut at {cuts}: {text}")

    @contextmanager
    def _told(self, trail: Sequence[str]) -> Iterator[None]:
        try:
            yield
        except DrpError as error:
            self._find(trail, f"{type(error).__name__}: {error}")
