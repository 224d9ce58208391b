"""A world that is changed by somebody else while a plan is carried out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from drp.actions.build import labels
from drp.commands.endings import AS_BEFORE
from drp.commands.events import Event, StepEvent
from drp.commands.launch import launch
from drp.commands.results import RunReport
from drp.model.names import Instance
from drp.model.specs import VolumeSpec
from drp.ports.dns import RecordSet
from drp.ports.edges import Route
from drp.testing.company import FakeCompany
from tests.commands.bench import Bench

NAME = "acme.example.test"
PLANNED = "edge 192.0.2.10:443"


def point_elsewhere(company: FakeCompany) -> None:
    old = company.zone.find(NAME, "CNAME")
    new = RecordSet(name=NAME, type="CNAME", ttl=60, values=("elsewhere.example.test",))
    company.zone.replace(old, new)


def route_elsewhere(company: FakeCompany) -> None:
    company.edges["h2"].set_route(NAME, Route("closed"))


def make_volume(company: FakeCompany) -> None:
    instance = Instance.of_epoch("acme", 2)
    name = instance.volume("mongodb")
    spec = VolumeSpec(name=name, labels=labels(tenant="acme", role="mongodb", instance=instance))
    company.hosts["h3"].create_volume(spec)


def migrate_while(bench: Bench, change: Callable[[FakeCompany], None], *, when: str) -> RunReport:
    """Somebody changes the world as that step begins."""

    def hear(event: Event) -> None:
        if isinstance(event, StepEvent) and (event.step, event.status) == (when, "begun"):
            change(bench.company)

    return launch(replace(bench.desk(), emit=hear), bench.workshop, bench.order("migrate", "dc5", "acme"))


@pytest.mark.parametrize(
    ("change", "when", "moved"),
    [
        (point_elsewhere, "final-restore", f"{NAME} is elsewhere.example.test, planned dc3.example.test"),
        (
            route_elsewhere,
            "final-restore",
            f"the edge of h2 sends {NAME} closed, planned {PLANNED}",
        ),
        (make_volume, "claim", "volume/acme-e0002-mongodb is there, planned absent"),
    ],
)
@pytest.mark.failure_mode("A9")
def test_world_that_moved_meanwhile_takes_everything_back(
    bench: Bench, change: Callable[[FakeCompany], None], when: str, moved: str
) -> None:
    report = migrate_while(bench, change, when=when)
    assert report.ending is AS_BEFORE
    assert report.served.site == "dc3"
    assert report.error is not None
    assert (report.error.code, report.error.verb, report.error.cause) == ("A9", "apply plan", moved)


def test_somebody_elses_data_are_left_alone(bench: Bench) -> None:
    migrate_while(bench, make_volume, when="claim")
    assert bench.company.hosts["h3"].find_volume("acme-e0002-mongodb") is not None
