"""What a run's header keeps, for its report to be held against."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from drp.commands.estimates import estimate
from drp.commands.promises import build_promises
from drp.model.policies import Policies
from drp.testing.company import FakeCompany

COMPANY = FakeCompany().inventory


def test_bars_places_and_the_prediction_are_kept() -> None:
    inventory = replace(COMPANY, policies=Policies(rto=timedelta(minutes=15)))
    found = build_promises(
        inventory,
        ["acme"],
        source="dc3",
        places={"acme": "dc5/h3"},
        losses={"acme": 19.0},
        estimate=estimate([60.0, 70.0, 80.0]),
    )
    assert (found["zone"], found["bars"]) == ("Europe/Paris", {"rto_s": 900.0})
    assert found["tenants"] == {
        "acme": {
            "from": "dc3", "to": "dc5", "country": "FR", "env": "production", "tier": "silver",
            "residency": [], "freeze_s": 120.0, "loss_s": 19.0,
        }
    }  # fmt: skip
    assert found["predicted"] == {"seconds": 70, "spread_s": 10, "runs": 3, "off_percent": 15}


def test_nothing_is_made_up() -> None:
    found = build_promises(COMPANY, ["acme"], source="", places={})
    assert (found["bars"], "predicted" in found) == ({}, False)
