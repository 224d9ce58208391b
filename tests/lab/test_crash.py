"""The crash certificate in the laboratory: a move and its way back, killed in every stage.

Each point is met twice: the same machine goes on, and another one with nothing on its disk does.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.lab.company import Company
from tests.lab.console import Operator
from tests.lab.crashes import (
    Trial,
    Undisturbed,
    find_helpers,
    go_on,
    kill_along,
    kill_within,
    move_in_peace,
    stay,
    take_turns,
)

pytestmark = pytest.mark.certificate

FREEZE = "30m"
"""Far more than a run needs whose every step is begun anew by another process."""

# Each can only be met after the one before it has been.
FORWARD = (
    "after-plan:*", "observe-before:claim", "before:claim", "after-start:claim", "after-effect:claim",
    "before:volume/*", "after-start:volume/*", "after-effect:volume/*", "after-effect:owner/*",
    "before:create/*", "after-effect:create/*", "after-effect:deliver/*", "after-effect:start/*",
    "after-effect:ready",
    "before:backup", "after-start:backup", "after-effect:backup", "after-end:backup",
    "after-start:restore", "after-effect:restore", "after-effect:accounts", "after-end:former",
    "after-effect:hold/*", "after-start:stop-api", "after-effect:stop-api", "after-effect:detach-api/*",
    "after-effect:quiet", "after-start:final-backup", "after-effect:final-backup",
    "after-effect:final-restore", "after-effect:start-api", "after-effect:smoke", "after-effect:read-target",
    "after-effect:expire-target",
    "before:route/*", "after-start:route/*", "after-effect:route/*", "after-effect:serve",
    "after-effect:release/*", "after-effect:switch/*", "after-end:switch/*", "after-end:agreed/*",
    "before-ended:*", "after-ended:*",
)  # fmt: skip
TURN = "before:route/*"
BACKWARD = (
    "after-turn:*", "undo-before:expire-target", "undo-after-start:start-api", "undo-after-effect:start-api",
    "undo-after-effect:final-restore", "undo-after-effect:final-backup", "undo-after-end:keep-source",
    "undo-after-effect:detach-api/*", "undo-after-start:stop-api", "undo-after-effect:stop-api",
    "undo-after-effect:hold/*", "undo-after-effect:restore", "undo-after-start:backup",
    "undo-after-effect:backup", "undo-after-effect:start/*", "undo-after-effect:create/*",
    "undo-after-start:volume/*", "undo-after-effect:volume/*", "before-ended:*",
)  # fmt: skip
RANDOM_KILLS = 25


@pytest.fixture(scope="module")
def tenant(company: Company) -> Iterator[str]:
    """Deployed and filled; its writes may be held for long."""
    name = company.lab.names.tenants[1]
    company.ensure_deployed(name)
    file = company.written.folder / "tenants" / f"{name}.yml"
    before = file.read_text()
    words = json.loads(before)
    words["tenants"][name]["freeze"] = FREEZE
    file.write_text(json.dumps(words))
    yield name
    file.write_text(before)


@pytest.fixture(scope="module")
def undisturbed(company: Company, tenant: str) -> Undisturbed:
    return move_in_peace(company, tenant)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Who goes on, and what they type; ``back`` to take the run back."""

    operators: Callable[[Company], Iterator[Operator]]
    on: tuple[str, ...]
    back: tuple[str, ...]


SAME = Way(operators=lambda company: stay(company.ops1), on=("resume",), back=("rollback",))
TAKEN_OVER = Way(operators=take_turns, on=("takeover",), back=("takeover", "--back"))


@pytest.mark.parametrize("way", [SAME, TAKEN_OVER], ids=["same-machine", "taken-over"])
def test_move_killed_everywhere_ends_in_the_same_world(
    company: Company, tenant: str, undisturbed: Undisturbed, way: Way
) -> None:
    trial, who, began = Trial(company, tenant), way.operators(company), time.monotonic()
    kill_along(FORWARD, who, first=trial.order, then=(*way.on, tenant))
    go_on(next(who), *way.on, tenant)
    report(f"a move, {way.on[0]}", len(FORWARD), began)
    trial.check_moved(undisturbed)


@pytest.mark.parametrize("way", [SAME, TAKEN_OVER], ids=["same-machine", "taken-over"])
def test_way_back_killed_everywhere_ends_in_the_world_before(company: Company, tenant: str, way: Way) -> None:
    trial, who, began = Trial(company, tenant), way.operators(company), time.monotonic()
    kill_along([TURN], who, first=trial.order, then=())
    back = (*way.back, tenant)
    kill_along(BACKWARD, who, first=back, then=back)
    go_on(next(who), *back)
    report(f"the way back, {way.on[0]}", len(BACKWARD) + 1, began)
    trial.check_as_before()


def test_move_killed_at_random_moments_ends_in_the_same_world(
    company: Company, tenant: str, undisturbed: Undisturbed
) -> None:
    chance, trial, began = random.Random(20310304), Trial(company, tenant), time.monotonic()
    kill_along(["after-plan:*"], stay(company.ops1), first=trial.order, then=())
    kills, helpers = 1, 0
    while kill_within(company.ops1, ("resume", tenant), chance.uniform(1, 6)):
        kills, helpers = kills + 1, helpers + len(find_helpers(company.lab))
        if kills == RANDOM_KILLS:
            go_on(company.ops1, "resume", tenant)
            break
    report(f"a move, at random moments, {helpers} helpers left at work", kills, began)
    trial.check_moved(undisturbed)


def report(what: str, kills: int, began: float) -> None:
    print(f"\n{what}: {kills} kills in {time.monotonic() - began:.0f} s")
