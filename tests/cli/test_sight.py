"""What is said of a site before it is given up, word by word."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC

import pytest

from drp.cli.arguments import parse_arguments
from drp.cli.sight_text import render_sight
from drp.errors import UsageError
from drp.model.sights import HostSight, SiteSight
from drp.testing.clock import START
from tests.cli.shell import check_golden


def sight(
    *,
    engines: Collection[str] = (),
    edges: Collection[str] = (),
    serving: Collection[str] = (),
    **more: object,
) -> SiteSight:
    """Of two hosts and three tenants."""
    hosts = [
        HostSight(host=name, engine=name in engines, here=name in edges, reserve=name in edges)
        for name in ("h1", "h2")
    ]
    given: dict[str, object] = {
        "site": "dc3", "hosts": tuple(hosts), "neutral": {}, "target": True, "witness": True, "reserve": "h3",
        "tenants": {name: name in serving for name in ("acme", "globex", "initech")}, "seen": START,
    }  # fmt: skip
    return SiteSight(**{**given, **more})  # type: ignore[arg-type]


TENANTS = ("acme", "globex", "initech")
SIGHTS = {
    "dead": sight(),
    "half-dead": sight(
        engines=["h1"],
        edges=["h1"],
        serving=["acme"],
        neutral={"www.example.net": True, "example.org": False},
    ),
    "alive": sight(engines=["h1", "h2"], edges=["h1", "h2"], serving=TENANTS),
    "isolated": sight(target=False, reserve="", witness=False, neutral={"www.example.net": False}),
}


@pytest.mark.parametrize("verdict", SIGHTS)
def test_a_site_in_words(verdict: str) -> None:
    found = SIGHTS[verdict]
    assert found.verdict == verdict
    lines = render_sight(found, moves=3, worst_loss_s=250.0, zone=UTC)
    check_golden(f"sight-{verdict}", "".join(f"{line}\n" for line in lines))
    assert all(len(line) <= 100 for line in lines)


def test_the_other_site_or_one_neutral_name_makes_a_machine_not_isolated() -> None:
    assert sight(target=True).verdict == "dead"
    assert sight(target=False, neutral={"a": False, "b": True}).verdict == "dead"


def test_a_mode_is_one_of_two() -> None:
    for mode in ("disaster", "planned"):
        found = parse_arguments(f"failover --from dc3 --to dc5 --all --mode {mode}".split())
        assert found is not None
        assert found.consent.mode == mode
    with pytest.raises(UsageError, match="'both' is no mode: write disaster or planned"):
        parse_arguments(["failover", "--from", "dc3", "--to", "dc5", "--all", "--mode", "both"])
