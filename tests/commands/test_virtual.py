"""Virtual time: who shares a host takes longer, who does not goes on beside it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from drp.model.plan import Plan, Step
from drp.model.values import JsonMap
from tests.commands.virtual import CHANGE_S, LOOK_S, SECONDS, Simulation


def build_plan(*steps: Step, moves: int = 1) -> Plan:
    return Plan(run="r", runbook="r", tenant="", steps=steps, inputs={}, limits={"moves": moves})


def build_step(name: str, action: str, *, host: str = "", pools: dict[str, int] | None = None) -> Step:
    params: JsonMap = {"host": host}
    day = timedelta(days=1)
    return Step(id=name, action=action, params=params, stage="s", scope=name, deadline=day, pools=pools or {})


@pytest.mark.parametrize(("hosts", "seconds"), [(("h1", "h1"), 2), (("h1", "h2"), 1)])
def test_who_shares_a_host_takes_longer(hosts: tuple[str, str], seconds: int) -> None:
    steps = [build_step(f"s{number}", "backup.restore", host=host) for number, host in enumerate(hosts)]
    found = Simulation(build_plan(*steps)).run()
    assert found.outcome == "done"
    assert found.seconds == pytest.approx(LOOK_S + seconds * SECONDS["backup.restore"])
    assert found.busy([*{*hosts}]) == pytest.approx(1 - LOOK_S / found.seconds)


@pytest.mark.parametrize(("at_once", "rounds"), [(1, 4), (2, 2), (4, 1)])
def test_as_many_parts_go_on_as_the_pool_has_room_for(at_once: int, rounds: int) -> None:
    steps = [build_step(f"t{number}", "tenant.move", pools={"moves": 1}) for number in range(4)]
    part = build_plan(build_step("change", "network.create"))
    found = Simulation(build_plan(*steps, moves=at_once), lambda tenant: part).run()
    assert found.seconds == pytest.approx(rounds * (LOOK_S + LOOK_S + CHANGE_S))
