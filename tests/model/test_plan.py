from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drp.errors import Place
from drp.model.plan import Plan, RetryPolicy, Step

STEP = Step(
    id="restore/orders",
    action="db.restore",
    params={"database": "orders", "deep": [1, None, {"ü": True}]},
    stage="backup-restore",
    needs=frozenset({"b", "a"}),
    retry=RetryPolicy(attempts=3, wait=timedelta(seconds=2.5), factor=1.5, limit=timedelta(minutes=1)),
    deadline=timedelta(minutes=30),
    approval="Really?",
    final=True,
    pools={"restores@h3": 1},
    read_only=True,
    place=Place("runbooks/migrate.yml", 31, 14),
)
PLAN = Plan(
    run="migrate-310304-7f3a",
    runbook="migrate",
    tenant="acme",
    steps=(STEP, Step(id="z", action="x", params={}, stage="after", deadline=timedelta(seconds=1))),
    inputs={"to": "dc5"},
    on_failure="stop",
    limits={"restores@h3": 2},
)


def test_plan_survives_json() -> None:
    assert Plan.from_json(PLAN.to_json()) == PLAN


def test_digest_is_that_of_the_content() -> None:
    assert Plan.from_json(PLAN.to_json()).digest() == PLAN.digest()


def test_plan_of_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match="plan format 3, this drp reads 1 to 2"):
        Plan.from_json({**PLAN.to_json(), "format": 3})


def test_plan_without_scopes_is_written_as_it_always_was() -> None:
    """Its digest stays, and an older drp reads it."""
    written = PLAN.to_json()

    assert written["format"] == 1
    assert "scope" not in str(written)
    assert PLAN.digest() == "91630d33e2acba9c8d074e6011fdf1f87b851eb78b34d00518358677c6a55c94"


def test_what_an_older_drp_would_do_wrongly_it_refuses_to_read() -> None:
    scoped = replace(STEP, scope="acme", after=frozenset({"b", "a"}))
    plan = replace(PLAN, steps=(scoped,), on_failure="quarantine")

    assert Plan.from_json(plan.to_json()) == plan
    assert plan.to_json()["format"] == 2
    assert plan.scopes() == ("acme",)
    assert replace(PLAN, on_failure="continue").to_json()["format"] == 2


def test_step_is_found_by_its_id() -> None:
    assert PLAN.step("restore/orders") is STEP
    with pytest.raises(KeyError):
        PLAN.step("no")


def test_stages_are_in_the_order_of_their_first_step() -> None:
    assert PLAN.stages() == ("backup-restore", "after")


def test_delays_grow_to_the_limit_and_end_with_the_attempts() -> None:
    policy = RetryPolicy(attempts=5, wait=timedelta(seconds=2), factor=3, limit=timedelta(seconds=30))

    found = [policy.next_delay(attempt) for attempt in range(1, 6)]

    assert found == [*(timedelta(seconds=s) for s in (2, 6, 18, 30)), None]


@given(st.integers(1, 10**6), st.floats(1, 99), st.floats(0.001, 10**6))
def test_delay_is_never_above_the_limit(attempt: int, factor: float, wait: float) -> None:
    policy = RetryPolicy(attempts=10**7, wait=timedelta(seconds=wait), factor=factor)

    delay = policy.next_delay(attempt)

    assert delay is not None
    assert delay <= policy.limit
