"""Every runbook as a story to be cut short: the company it begins with, its order, and what goes wrong.

A runbook without a story fails the certificate and `make test`, by name: add it to ``STORIES``.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from typing import Final

from drp.actions.catalogue import CATALOGUE, Performer
from drp.actions.orders import MOVES, epochs
from drp.engine.tasks import APPLY, OBSERVE, OnProgress, Outcome, Perform, Present, Task
from drp.model.plan import Plan
from drp.model.policies import Policies, WavePolicy
from drp.testing.company import FakeCompany
from drp.testing.crash import Hit, Scenario
from drp.testing.databases import State
from tests.actions.runs import RUNBOOKS, compile_order, deploy, run_plan
from tests.actions.test_failover import compile_fleet
from tests.actions.test_runs import without_burnt


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """``order`` is planned on what ``begin`` makes and done after ``damage``; it ends as ``ends``.

    ``back``: it is also stopped at each point and taken back.
    """

    begin: Callable[[], FakeCompany]
    order: Callable[[FakeCompany], Plan]
    damage: Callable[[FakeCompany], None] = lambda company: None
    ends: str = "done"
    back: bool = False


@cache
def begin_bare() -> FakeCompany:
    """Nothing is deployed."""
    return FakeCompany()


@cache
def begin_deployed() -> FakeCompany:
    """acme is served by dc3."""
    company = FakeCompany()
    deploy(company)
    return company


@cache
def begin_moved() -> FakeCompany:
    """acme was moved to dc5, and nobody knows the old addresses any more."""
    company = _after(begin_deployed(), lambda first: compile_order(first, "migrate", site="dc5", number=2))
    company.clock.advance(timedelta(seconds=2 * company.inventory.dns.ttl))
    return company


@cache
def begin_two() -> FakeCompany:
    """Two tenants are served by dc3."""
    company = copy_company(begin_deployed())
    deploy(company, "globex")
    return company


@cache
def begin_saved() -> FakeCompany:
    """Both have a backup."""
    return _after(begin_two(), order_two("backup"))


@cache
def begin_reserved() -> FakeCompany:
    """Their images are at dc5, too."""
    return _after(begin_saved(), order_two("reserve", site="dc5"))


@cache
def begin_lost() -> FakeCompany:
    """What they need is at dc5 too, and dc3 is dead."""
    company = copy_company(begin_reserved())
    for host in company.inventory.sites["dc3"].hosts:
        company.hosts[host.name].reachable = False
    return company


def begin_lost_waved() -> FakeCompany:
    """The same, and tenants move one after the other, each in a wave."""
    company = copy_company(begin_lost())
    waves = Policies(waves=WavePolicy(least=2, canary=1))
    company.inventory = replace(company.inventory, policies=waves)
    return company


@cache
def begin_restarted() -> FakeCompany:
    """The host of both was without power."""
    company = copy_company(begin_two())
    serving = {epochs(company).find_serving(name) for name in ("acme", "globex")}
    for host in {each.host for each in serving if each is not None}:
        company.hosts[host].reboot()
    return company


def order_one(verb: str, site: str) -> Callable[[FakeCompany], Plan]:
    """An order for acme."""
    return lambda company: compile_order(company, verb, site=site, number=9)


def order_two(verb: str, *, source: str = "", site: str = "") -> Callable[[FakeCompany], Plan]:
    """An order for both tenants."""
    return lambda company: compile_fleet(company, verb, "acme", "globex", source=source, site=site)


def _after(company: FakeCompany, order: Callable[[FakeCompany], Plan]) -> FakeCompany:
    made = copy_company(company)
    result = run_plan(made, order(made))
    assert result.outcome == "done", result.failure
    return made


def damage_restored(company: FakeCompany) -> None:
    """The data that arrive are not those that were sent."""
    company.databases.damage_restored = _alter


def _alter(state: State) -> None:
    state["collections"]["app.orders"]["documents"][0] = "altered"


STORIES: Final[Mapping[str, Story]] = {
    "deploy": Story(begin=begin_bare, order=order_one("deploy", "dc3"), back=True),
    "migrate": Story(begin=begin_deployed, order=order_one("migrate", "dc5"), back=True),
    "migrate, failing": Story(
        begin=begin_deployed, order=order_one("migrate", "dc5"), damage=damage_restored, ends="rolled-back"
    ),
    "retire": Story(begin=begin_moved, order=order_one("retire", "dc3")),
    "backup": Story(begin=begin_two, order=order_two("backup")),
    "reserve": Story(begin=begin_saved, order=order_two("reserve", site="dc5")),
    "start": Story(begin=begin_restarted, order=order_two("start")),
    "drill": Story(begin=begin_reserved, order=order_two("drill")),
    "drill, failing": Story(
        begin=begin_reserved, order=order_two("drill"), damage=damage_restored, ends="partial"
    ),
    "failover": Story(begin=begin_lost, order=order_two("failover", source="dc3", site="dc5")),
    "failover, in waves": Story(
        begin=begin_lost_waved, order=order_two("failover", source="dc3", site="dc5")
    ),
}


MOVES_OF_MANY: Final = frozenset(MOVES)
"""Their steps are runs of another runbook, which has a story; killed in ``tests/commands/test_moves.py``."""


def find_untold() -> list[str]:
    """Runbooks of the folder that no story runs."""
    told = MOVES_OF_MANY | {build_scenario(name).plan.runbook for name in STORIES}
    return sorted(path.stem for path in RUNBOOKS.glob("*.yml") if path.stem not in told)


@dataclass(slots=True)
class Ground:
    """A company, and what was done in it although it was done already."""

    company: FakeCompany
    twice: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class WatchedHands:
    """Looks at the world before each change: what holds already must not be done."""

    hands: Performer
    ground: Ground

    def __call__(self, task: Task, progress: OnProgress) -> Outcome:
        if task.phase == APPLY and not CATALOGUE[task.step.action].read_only:
            looking = Task(step=task.step, phase=OBSERVE, attempt=task.attempt, inputs=task.inputs)
            if isinstance(self.hands(looking, progress), Present):
                self.ground.twice.append(f"{task.step.id} is done though it holds already")
        return self.hands(task, progress)


@cache
def build_scenario(name: str) -> Scenario[Ground]:
    """The story of that name."""
    story = STORIES[name]
    first = story.begin()
    plan = story.order(first)

    def make_world() -> Ground:
        company = copy_company(first)
        story.damage(company)
        return Ground(company)

    def perform(world: Ground, hit: Hit) -> Perform:
        world.company.helpers.hit = hit
        hands = Performer(reading=world.company, writing=world.company, run=plan.run, actor="tester")
        return WatchedHands(hands, world)

    return Scenario(
        plan=plan,
        make_world=make_world,
        perform=perform,
        dump=lambda world: without_burnt(world.company.dump()),
        clock=lambda world: world.company.clock,
        complaints=lambda world: world.twice,
        copy=lambda world: Ground(copy_company(world.company), [*world.twice]),
    )


def copy_company(company: FakeCompany) -> FakeCompany:
    """A company of its own; what cannot change is shared."""
    shared = (company.inventory, company.authority)
    return copy.deepcopy(company, {id(thing): thing for thing in shared})
