"""A small world of one host, the other site's guards, the witness and a take-over, with all its orders.

Every message may be lost, late or overtaken; everybody may stop for any time; time goes on in whole ticks.
The decisions are those of the product: ``renew``, ``vouchers``, ``must_tell``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from drp.guard.lease import Answers, must_tell, renew

TENANT = "tenant"
TERM = 2
HORIZON = 6

# A question's way: not asked, under way, answered "nothing taken", answered "taken"
IDLE, SENT, CLEAR, TAKEN = range(4)


@dataclass(frozen=True, slots=True)
class World:
    """``asked``: the witness's question, then the guards'. ``put``: when it was in the witness."""

    now: int
    asked: tuple[int, ...]
    told: tuple[bool, ...]
    began: int = 0
    until: int = -1
    closed: bool = False
    put: int | None = None
    started: bool = False

    @property
    def both_answer(self) -> bool:
        """The old host would acknowledge a write while the new one may."""
        return self.started and not self.closed and self.now <= self.until


@dataclass(frozen=True, slots=True)
class Rules:
    """How the take-over goes; the planted errors change it."""

    guards: int = 2
    tells_first: bool = True
    waits: int = TERM + 1

    def first(self) -> World:
        return World(now=0, asked=(IDLE,) * (self.guards + 1), told=(False,) * self.guards)


def explore(rules: Rules) -> tuple[int, World | None]:
    """How many states there are, and the first in which both answer (None: there is none)."""
    known = {rules.first()}
    todo = [rules.first()]
    while todo:
        for world in successors(todo.pop(), rules):
            if world.both_answer:
                return len(known), world
            if world not in known:
                known.add(world)
                todo.append(world)
    return len(known), None


def successors(world: World, rules: Rules) -> Iterator[World]:
    if world.now < HORIZON:
        yield replace(world, now=world.now + 1)
    yield from _guard(world, rules)
    yield from _takeover(world, rules)


def _guard(world: World, rules: Rules) -> Iterator[World]:
    # A new round: what was under way is given up (that it was lost is the same).
    yield replace(world, began=world.now, asked=(SENT,) * len(world.asked))
    for number, way in enumerate(world.asked):
        if way == SENT:
            is_told = world.put is not None if number == 0 else world.told[number - 1]
            yield replace(world, asked=_set(world.asked, number, TAKEN if is_told else CLEAR))
    yield _decide(world, rules)


def _decide(world: World, rules: Rules) -> World:
    """With the answers that have come so far."""
    come = [None if way in (IDLE, SENT) else {TENANT: 1} if way == TAKEN else {} for way in world.asked]
    peers = {str(number): taken for number, taken in enumerate(come[1:]) if taken is not None}
    found = renew(world.began, Answers(witness=come[0], peers=peers), guards=rules.guards, term_s=TERM)
    if found.until is None:
        return world
    return replace(world, closed=TENANT in found.taken, until=int(found.until))


def _takeover(world: World, rules: Rules) -> Iterator[World]:
    for number, told in enumerate(world.told):
        if not told and rules.tells_first:
            yield replace(world, told=_set(world.told, number, True))
    is_told = sum(world.told) >= must_tell(rules.guards) or not rules.tells_first
    if world.put is None and is_told:
        yield replace(world, put=world.now)
    if world.put is not None and not world.started and world.now >= world.put + rules.waits:
        yield replace(world, started=True)


def _set(values: tuple, number: int, value: object) -> tuple:  # type: ignore[type-arg]
    return (*values[:number], value, *values[number + 1 :])
