"""A world of blocks, in which every wrong move of an engine shows.

Each step lays a block on the blocks it needs, in two halves. The world complains when a block is laid
twice, laid in the air, taken away from under another, or taken away though another run had laid it; when
something happens for whose end another had waited already; and when work goes on in a quarantined scope.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, cast

from drp.engine.tasks import Absent, Done, Failed, OnProgress, Outcome, Partial, Perform, Present, Task
from drp.model.plan import Plan, RetryPolicy, Step
from drp.model.values import JsonMap
from drp.testing.crash import Crasher, Hit, Machine, Scenario, Tally

DEADLINE: Final = timedelta(seconds=60)


@dataclass(slots=True)
class Blocks:
    """``laid`` maps a block to ``half`` or ``whole``; ``old`` are those that lay there before the run.

    ``waiting``: step -> those that wait for its end. ``failed``: scope -> its first step that failed for
    good. ``final``: scopes whose final step has begun or was found.
    """

    old: frozenset[str]
    above: dict[str, list[str]]
    waiting: dict[str, list[str]]
    is_quarantine: bool
    failed: dict[str, str] = field(default_factory=dict)
    final: set[str] = field(default_factory=set)
    laid: dict[str, str] = field(default_factory=dict)
    tries: dict[str, int] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)

    def complain_unless(self, right: bool, complaint: str) -> None:
        if not right:
            self.complaints.append(complaint)


@dataclass(frozen=True, slots=True)
class Hands:
    """Carries steps out. Params of a step: ``kind`` block or look, ``fail`` (phase -> times, -1 always)."""

    world: Blocks
    hit: Hit

    def __call__(self, task: Task, on_progress: OnProgress) -> Outcome:
        if task.phase == "apply":
            self._check_turn(task.step)
        failure = self._failure(task)
        is_look = task.step.params["kind"] == "look"
        match task.phase:
            case "observe":
                return failure or (Absent() if is_look else self._observe(task.step))
            case "apply":
                on_progress({"done": 1})
                return (failure or self._look(task)) if is_look else self._lay(task, failure)
            case "undo":
                return failure or (Done() if is_look else self._take(task))

    def _failure(self, task: Task) -> Failed | None:
        wanted = cast(int, cast(JsonMap, task.step.params["fail"]).get(task.phase, 0))
        key = f"{task.phase} {task.step.id}"
        tried = self.world.tries[key] = self.world.tries.get(key, 0) + 1
        if wanted >= 0 and tried > wanted:
            return None
        if wanted < 0 and task.phase != "undo":
            self.world.failed.setdefault(task.step.scope, task.step.id)
        return Failed(error="UnreachableError", message="as ordered", transient=wanted > 0)

    def _check_turn(self, step: Step) -> None:
        """Whether it is this step's turn at all, by the laws of ``after`` and of quarantine."""
        world = self.world
        if step.final:
            world.final.add(step.scope)
        for other in world.waiting.get(step.id, ()):
            has_come = f"apply {other}" in world.tries
            world.complain_unless(not has_come, f"{step.id} comes after {other}, which waited for its end")
        is_left = world.is_quarantine and step.scope not in world.final
        failed = world.failed.get(step.scope, step.id) if is_left else step.id
        world.complain_unless(failed == step.id, f"{step.id} begins though {failed} of its scope has failed")

    def _observe(self, step: Step) -> Outcome:
        state = self.world.laid.get(step.id)
        if state == "half":
            return Partial("one half")
        if state and step.final:
            self.world.final.add(step.scope)
        return Present(_outputs(step.id)) if state else Absent()

    def _look(self, task: Task) -> Outcome:
        self._check_inputs(task)
        return Done(_outputs(task.step.id))

    def _lay(self, task: Task, failure: Failed | None) -> Outcome:
        block, laid = task.step.id, self.world.laid
        self._check_inputs(task)
        for need in task.step.needs & self.world.above.keys():
            self.world.complain_unless(laid.get(need) == "whole", f"{block} is laid in the air")
        self.world.complain_unless(laid.get(block) != "whole", f"{block} is laid twice")
        laid[block] = "half"
        self.hit(f"middle:{block}")
        if failure:
            return failure
        laid[block] = "whole"
        return Done(_outputs(block))

    def _take(self, task: Task) -> Outcome:
        block, laid = task.step.id, self.world.laid
        for other in self.world.above[block]:
            self.world.complain_unless(
                other not in laid or other in self.world.old, f"{block} is taken from under {other}"
            )
        self.world.complain_unless(block not in self.world.old, f"{block} is somebody else's, yet taken")
        if laid.get(block) == "whole":
            laid[block] = "half"
            self.hit(f"undo-middle:{block}")
        laid.pop(block, None)
        return Done()

    def _check_inputs(self, task: Task) -> None:
        for need in task.step.needs:
            found = task.inputs.get(need)
            self.world.complain_unless(found == _outputs(need), f"{task.step.id} got {found} from {need}")
        for other in task.step.after:
            found = task.inputs.get(other, _outputs(other))
            self.world.complain_unless(found == _outputs(other), f"{task.step.id} got {found} from {other}")


def _outputs(block: str) -> JsonMap:
    return {"block": block}


def build_scenario(plan: Plan, *, old: frozenset[str] = frozenset(), in_flight: int = 8) -> Scenario[Blocks]:
    """A plan of blocks and looks as a scenario; ``old`` blocks lie there before the run."""
    above, is_quarantine = _above(plan), plan.on_failure == "quarantine"
    waiting: dict[str, list[str]] = {}
    for step in plan.steps:
        for other in step.after:
            waiting.setdefault(other, []).append(step.id)

    def make_world() -> Blocks:
        laid = dict.fromkeys(old, "whole")
        return Blocks(old=old, above=above, waiting=waiting, is_quarantine=is_quarantine, laid=laid)

    def perform(world: Blocks, hit: Hit) -> Perform:
        return Hands(world, hit)

    return Scenario(
        plan=plan,
        make_world=make_world,
        perform=perform,
        dump=lambda world: dict(sorted(world.laid.items())),
        complaints=lambda world: world.complaints,
        in_flight=in_flight,
    )


def _above(plan: Plan) -> dict[str, list[str]]:
    """Block -> the blocks that rest on it; a look between two blocks does not part them."""
    above: dict[str, list[str]] = {step.id: [] for step in plan.steps}
    for step in reversed(plan.steps):
        for need in step.needs:
            above[need].extend(above[step.id] if step.read_only else [step.id])
    return {step.id: above[step.id] for step in plan.steps if not step.read_only}


def build_step(
    name: str,
    *needs: str,
    kind: str = "block",
    stage: str = "stage",
    fail: dict[str, int] | None = None,
    attempts: int = 1,
    final: bool = False,
    pools: dict[str, int] | None = None,
    scope: str = "",
    after: Iterable[str] = (),
) -> Step:
    """A step of the world of blocks."""
    return Step(
        id=name,
        action=f"blocks.{kind}",
        params={"kind": kind, "fail": {**(fail or {})}},
        stage=stage,
        needs=frozenset(needs),
        retry=RetryPolicy(attempts=attempts),
        deadline=DEADLINE,
        final=final,
        pools=pools or {},
        read_only=kind == "look",
        scope=scope,
        after=frozenset(after),
    )


def build_plan(*steps: Step, on_failure: str = "roll-back", limits: dict[str, int] | None = None) -> Plan:
    """A plan of such steps."""
    return Plan(
        run="run-1",
        runbook="blocks",
        tenant="acme",
        steps=steps,
        inputs={},
        on_failure=on_failure,
        limits=limits or {},
    )


def draw_scenario(seed: int) -> Scenario[Blocks]:
    """A random plan whose end does not depend on the order in which its steps happen to run.

    So where a failure turns the whole run, a final step stands between all others; an undo that always
    fails lies below the step that fails; and a run that leaves a part standing at a failure (``stop``,
    ``quarantine``) has one step in flight and tries nothing twice.
    """
    chance = random.Random(seed)
    count = chance.randint(2, 10)
    names = [f"{'abcdefghijkl'[number]}{number}" for number in range(count)]
    on_failure = chance.choice(["roll-back", "roll-back", "stop", "continue", "quarantine", "quarantine"])
    needs = [chance.sample(names[:number], chance.randint(0, min(number, 2))) for number in range(count)]
    finals = _draw_finals(chance, names, needs, one=on_failure in ("roll-back", "stop"))
    faults = _draw_faults(chance, names, needs)
    is_strict = on_failure in ("stop", "quarantine")
    if is_strict:
        faults = {name: {phase: n for phase, n in found.items() if n < 0} for name, found in faults.items()}
    steps = [
        build_step(
            name,
            *needs[number],
            kind="look" if chance.random() < 0.2 and number not in finals else "block",
            stage=f"stage-{number * 3 // count}",
            fail=faults[name],
            attempts=4,
            final=number in finals,
            pools={"pool": chance.randint(1, 2)} if chance.random() < 0.3 else {},
            scope=chance.choice(["", "x", "y"]),
            after=chance.sample(names[:number], min(number, 2)) if chance.random() < 0.3 else (),
        )
        for number, name in enumerate(names)
    ]
    looks = {step.id for step in steps if step.read_only}
    old = frozenset(name for name in names if name not in looks and chance.random() < 0.1 and not finals)
    in_flight = 1 if is_strict else chance.randint(1, 5)
    plan = build_plan(*steps, on_failure=on_failure, limits={"pool": 2})
    return build_scenario(plan, old=_closed(old, steps), in_flight=in_flight)


def _draw_finals(chance: random.Random, names: list[str], needs: list[list[str]], *, one: bool) -> set[int]:
    """Numbers of final steps; the only one is put between all others."""
    if chance.random() > 0.4:
        return set()
    if not one:
        return {chance.randrange(len(names)) for _ in range(chance.randint(1, 3))}
    middle = chance.randrange(len(names))
    needs[middle] = names[:middle]
    for number in range(middle + 1, len(names)):
        needs[number] = [*needs[number], names[middle]]
    return {middle}


def _closed(old: frozenset[str], steps: list[Step]) -> frozenset[str]:
    """Old blocks lie on old blocks: the others of ``old`` are left out."""
    kept: set[str] = set()
    for step in steps:
        if step.id in old and all(need in kept for need in step.needs):
            kept.add(step.id)
    return frozenset(kept)


def _draw_faults(
    chance: random.Random, names: list[str], needs: list[list[str]]
) -> dict[str, dict[str, int]]:
    faults: dict[str, dict[str, int]] = {name: {} for name in names}
    for name in names:
        if chance.random() < 0.3:
            faults[name][chance.choice(["observe", "apply", "undo"])] = chance.randint(1, 2)
    for _ in range(chance.choice([0, 0, 1, 1, 1, 2])):
        victim = chance.randrange(len(names))
        faults[names[victim]][chance.choice(["observe", "apply", "apply"])] = -1
        if needs[victim] and chance.random() < 0.3:
            faults[chance.choice(needs[victim])]["undo"] = -1
    return faults


def can_be_undone(plan: Plan) -> bool:
    """Whether no undo of it is ordered to fail for good."""
    return all(cast(JsonMap, step.params["fail"]).get("undo", 0) != -1 for step in plan.steps)


def crash_blocks(
    crashes: int, *, seed: int, sample: int | None = None, machine: Machine | None = None
) -> Tally:
    """Random scenarios, crashed everywhere (or at ``sample`` points each), until there were that many
    crashes or something was found."""
    total = Tally()
    while total.crashes < crashes and not total.findings:
        scenario = draw_scenario(seed)
        crasher = Crasher(scenario, seed=seed, machine=machine)
        crasher.crash_everywhere(sample=sample, depth=3)
        if can_be_undone(scenario.plan):
            crasher.roll_back_everywhere(sample=sample)
        total.add(crasher.tally)
        seed += 1
    return total
