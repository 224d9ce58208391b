"""In which waves a fleet moves, and when a wave shows that nobody else should begin."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drp.actions.gates import find_common
from drp.actions.waves import make_waves
from drp.model.inventory import Tenant
from drp.model.policies import WavePolicy
from drp.model.values import JsonMap
from drp.testing.company import FakeCompany


@pytest.fixture(scope="module")
def any_tenant() -> Tenant:
    return FakeCompany().inventory.tenants["acme"]


def fleet(any_tenant: Tenant) -> list[Tenant]:
    made = [
        ("b1", "bronze", 1),
        ("s1", "silver", 9),
        ("s2", "silver", 8),
        ("g1", "gold", 5),
        ("g2", "gold", 7),
    ]
    tenants = [replace(any_tenant, name=name, tier=tier, disk=disk) for name, tier, disk in made]
    return [*tenants, replace(any_tenant, name="x1", tier="gold", disk=2, env="staging")]


@pytest.mark.failure_mode("L2")
def test_canaries_are_the_smallest_then_tiers_the_biggest_first(any_tenant: Tenant) -> None:
    waves = make_waves(fleet(any_tenant), WavePolicy(least=6, canary=2))
    assert [(wave.name, wave.tenants) for wave in waves] == [
        ("canary", ("b1", "x1")),
        ("gold", ("g2", "g1")),
        ("silver", ("s1", "s2")),
    ]


def test_a_big_tier_is_cut_and_what_is_not_production_comes_last(any_tenant: Tenant) -> None:
    waves = make_waves(fleet(any_tenant), WavePolicy(least=6, canary=1, size=1))
    assert [wave.name for wave in waves] == [
        "canary",
        "gold-1",
        "gold-2",
        "silver-1",
        "silver-2",
        "other-gold",
    ]


def test_a_small_fleet_moves_at_once(any_tenant: Tenant) -> None:
    (wave,) = make_waves(fleet(any_tenant), WavePolicy(least=7))
    assert wave.tenants == ("g2", "g1", "s1", "s2", "b1", "x1")
    assert make_waves([], WavePolicy(least=1)) == []


def failed(step: str, error: str = "RejectedError") -> JsonMap:
    return {"step": step, "error": error, "message": f"cannot do '{step}'"}


@pytest.mark.failure_mode("L9")
@pytest.mark.parametrize(
    ("failures", "tenants"),
    [
        ({"a": failed("image/a/api"), "b": failed("image/b/redis")}, ("a", "b")),
        ({"a": failed("image/a/api")}, None),
        ({"a": failed("image/a/api"), "b": failed("restore/b")}, None),
        ({"a": failed("image/a/api"), "b": failed("image/b/api", "UnreachableError")}, None),
        ({}, None),
    ],
)
def test_only_a_common_cause_stops(failures: dict[str, JsonMap], tenants: tuple[str, ...] | None) -> None:
    found = find_common("abcde", failures, stop_at=0.2)
    assert (found.tenants if found else None) == tenants


def test_a_share_that_may_fail_does_not_stop() -> None:
    failures = {name: failed(f"image/{name}") for name in "ab"}
    assert find_common("abcdefghij", failures, stop_at=0.2) is None
