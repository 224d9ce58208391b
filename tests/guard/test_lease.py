"""When a host may answer, in all orders of messages, losses, stops and cuts."""

from __future__ import annotations

import pytest

from drp.guard.lease import Answers, find_stale, must_tell, renew, vouchers
from tests.guard.model import TERM, Rules, explore


@pytest.mark.parametrize("guards", [1, 2])
@pytest.mark.failure_mode("H3")
def test_never_two_sites_answer(guards: int) -> None:
    states, found = explore(Rules(guards=guards))
    print(f"{states} states of {guards} guards")
    assert found is None
    assert states > 1000


def test_model_finds_a_takeover_that_tells_no_guard() -> None:
    assert explore(Rules(tells_first=False))[1] is not None


def test_model_finds_a_takeover_that_does_not_wait_long_enough() -> None:
    assert explore(Rules(waits=TERM))[1] is not None


@pytest.mark.parametrize("guards", range(1, 9))
def test_each_quorum_holds_a_guard_that_was_told(guards: int) -> None:
    assert vouchers(guards) + must_tell(guards) > guards
    assert vouchers(guards) <= guards
    assert must_tell(guards) <= guards


def test_silence_gives_nothing() -> None:
    assert renew(5.0, Answers(), guards=2, term_s=15).until is None
    assert renew(5.0, Answers(peers={"a": {}}), guards=2, term_s=15).until is None
    assert renew(5.0, Answers(), guards=0, term_s=15).until is None


def test_witness_or_enough_guards_give_a_term_from_the_beginning() -> None:
    assert renew(5.0, Answers(witness={}), guards=2, term_s=15).until == 20
    assert renew(5.0, Answers(peers={"a": {}, "b": {}}), guards=2, term_s=15).until == 20


def test_guards_that_were_told_vouch_for_the_others_only() -> None:
    peers = {"a": {"acme": 3}, "b": {"acme": 2, "globex": 1}}
    found = renew(5.0, Answers(peers=peers), guards=2, term_s=15)
    assert (found.until, found.taken) == (20, {"acme": 3, "globex": 1})


def test_the_witness_alone_says_who_is_taken_when_it_answers() -> None:
    found = renew(5.0, Answers(witness={}, peers={"a": {"acme": 3}}), guards=1, term_s=15)
    assert (found.until, found.taken) == (20, {})


def test_only_names_of_an_older_epoch_are_stale() -> None:
    owners = {"a.example.test": ("acme", 2), "b.example.test": ("acme", 3), "c.example.test": ("globex", 1)}
    assert find_stale(owners, {"acme": 3}) == ["a.example.test"]
