"""The switch of many names, step by step, on a zone in memory."""

from __future__ import annotations

import pytest

from drp.actions.action import Call
from drp.actions.names import CheckExpected, ExpectedParams, NameChange, SwitchAll, SwitchAllParams
from drp.engine.tasks import Absent, Partial, Present
from drp.errors import ConflictError
from drp.model.values import JsonMap
from drp.ports.dns import RecordSet
from drp.testing.company import FakeCompany

PARAMS = SwitchAllParams(type="CNAME", ttl=300, ready=("expected/a", "expected/b", "expected/c"))


@pytest.fixture(scope="module")
def world() -> FakeCompany:
    return FakeCompany()


@pytest.fixture
def company(world: FakeCompany) -> FakeCompany:
    for name in "abc":
        put(world, name, "old.example.test")
    return world


def put(company: FakeCompany, name: str, target: str) -> None:
    full = f"{name}.example.test"
    wanted = RecordSet(name=full, type="CNAME", ttl=300, values=(target,))
    company.zone.replace(company.zone.find(full, "CNAME"), wanted)


def change(name: str) -> NameChange:
    return NameChange(name=f"{name}.example.test", old=("old.example.test",), new=("new.example.test",))


def call(company: FakeCompany, *ready: str) -> Call:
    """As after the look at these names."""
    inputs: dict[str, JsonMap] = {f"expected/{name}": look(company, name) for name in ready}
    return Call(run="r", step="s", actor="t", attempt=1, inputs=inputs, deadline_s=9, progress=print)


def look(company: FakeCompany, *names: str) -> JsonMap:
    asked = Call(run="r", step="s", actor="t", attempt=1, inputs={}, deadline_s=9, progress=print)
    params = ExpectedParams(type="CNAME", names=tuple(change(name) for name in names))
    return CheckExpected().apply(company, params, asked)


def targets(company: FakeCompany) -> list[str]:
    found = company.zone.find_all([(f"{name}.example.test", "CNAME") for name in "abc"])
    return [each.values[0].partition(".")[0] for each in found if each is not None]


def test_names_are_switched_and_taken_back(company: FakeCompany) -> None:
    asked = call(company, "a", "b", "c")
    assert SwitchAll().observe(company, PARAMS, asked) == Absent()
    assert SwitchAll().apply(company, PARAMS, asked) == {"switched": 3, "left": {}}
    assert SwitchAll().observe(company, PARAMS, asked) == Present({"switched": 3, "left": {}})
    SwitchAll().undo(company, PARAMS, asked)
    assert targets(company) == ["old"] * 3


def test_who_did_not_come_this_far_is_not_touched(company: FakeCompany) -> None:
    SwitchAll().apply(company, PARAMS, call(company, "a", "c"))
    assert targets(company) == ["new", "old", "new"]


def test_a_switch_that_was_cut_short_is_completed(company: FakeCompany) -> None:
    asked = call(company, "a", "b", "c")
    put(company, "a", "new.example.test")
    assert SwitchAll().observe(company, PARAMS, asked) == Partial("1 of 3 names")
    SwitchAll().apply(company, PARAMS, asked)
    assert targets(company) == ["new"] * 3


def test_a_name_that_was_changed_meanwhile_is_left_alone(company: FakeCompany) -> None:
    asked = call(company, "a", "b", "c")
    put(company, "b", "odd.example.test")
    left: JsonMap = {
        "b.example.test": "cannot switch 'b.example.test': it is odd.example.test, planned old.example.test"
    }
    assert SwitchAll().apply(company, PARAMS, asked) == {"switched": 2, "left": left}
    assert SwitchAll().observe(company, PARAMS, asked) == Present({"switched": 2, "left": left})
    SwitchAll().undo(company, PARAMS, asked)
    assert targets(company) == ["old", "odd", "old"]


def test_a_tenant_s_names_are_looked_at_together(company: FakeCompany) -> None:
    put(company, "b", "new.example.test")
    assert len(look(company, "a", "b")["names"]) == 2  # type: ignore[arg-type]
    put(company, "b", "odd.example.test")
    with pytest.raises(ConflictError, match=r"cannot switch 'b\.example\.test': it is odd\.example\.test"):
        look(company, "a", "b")
