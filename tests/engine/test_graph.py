from __future__ import annotations

import pytest

from drp.engine.graph import Frontier, Graph
from drp.errors import BugError
from drp.testing.blocks import build_plan, build_step

DIAMOND = build_plan(build_step("a"), build_step("b", "a"), build_step("c", "a"), build_step("d", "b", "c"))


def drain(frontier: Frontier) -> list[int]:
    found = []
    while frontier:
        found.append(frontier.pop())
    return found


def test_upstream_is_everything_needed_in_plan_order() -> None:
    assert Graph(DIAMOND).upstream(3) == [0, 1, 2]
    assert Graph(DIAMOND).upstream(0) == []


def test_two_steps_of_one_name_are_a_bug() -> None:
    with pytest.raises(BugError, match="has two steps of one name"):
        Graph(build_plan(build_step("a"), build_step("a")))


def test_forward_frontier_begins_at_what_needs_nothing() -> None:
    frontier = Frontier(Graph(DIAMOND), back=False)
    assert drain(frontier) == [0]

    frontier.settle(0)
    assert drain(frontier) == [1, 2]
    frontier.settle(1)
    assert drain(frontier) == []
    frontier.settle(2)
    assert drain(frontier) == [3]


def test_frontier_back_begins_at_what_nothing_needs() -> None:
    frontier = Frontier(Graph(DIAMOND), back=True)
    assert drain(frontier) == [3]

    frontier.settle(3)
    assert drain(frontier) == [2, 1]


def test_settling_twice_counts_once() -> None:
    frontier = Frontier(Graph(DIAMOND), back=False)
    drain(frontier)
    frontier.settle(0)
    drain(frontier)

    frontier.settle(1)
    frontier.settle(1)

    assert drain(frontier) == []


def test_step_that_is_blocked_queued_or_settled_is_not_queued() -> None:
    frontier = Frontier(Graph(DIAMOND), back=False)
    frontier.push(0)
    frontier.push(3)
    assert drain(frontier) == [0]

    frontier.settle(0)
    frontier.push(0)
    assert drain(frontier) == [1, 2]
