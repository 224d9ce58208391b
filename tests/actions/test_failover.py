"""The runbook of a failover on the company in memory: backups beforehand, a dead site, another one serves."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import cache

import pytest

from drp.actions.action import Call
from drp.actions.catalogue import action_specs
from drp.actions.edges import CheckForwards, Forwarded, ForwardsParams
from drp.actions.facts import gather_facts
from drp.actions.orders import Order
from drp.engine.events import RunResult
from drp.errors import RejectedError, VerificationError
from drp.model.plan import Plan
from drp.runbooks.compile import compile_loaded
from drp.testing.company import FakeCompany
from drp.witness.epochs import EpochReader
from drp.witness.takeovers import TakeoverReader
from tests.actions.runs import deploy, find_instance, load_verb, run_plan

TENANTS = ("acme", "globex", "initech")


def compile_fleet(company: FakeCompany, verb: str, *tenants: str, source: str = "", site: str = "") -> Plan:
    order = Order(verb=verb, run=f"{verb}-310304-9", tenant="", site=site, tenants=tenants, source=source)
    facts = gather_facts(company, order)
    return compile_loaded(load_verb(verb), facts, action_specs(), run=order.run, tenant="")


def run_failover(company: FakeCompany, *tenants: str) -> RunResult:
    names = tenants or TENANTS
    return run_plan(company, compile_fleet(company, "failover", *names, source="dc3", site="dc5"))


@cache
def _prepared() -> FakeCompany:
    company = FakeCompany()
    for tenant in TENANTS:
        deploy(company, tenant)
    result = run_plan(company, compile_fleet(company, "backup", *TENANTS))
    assert result.outcome == "done", result.failure
    result = run_plan(company, compile_fleet(company, "reserve", *TENANTS, site="dc5"))
    assert result.outcome == "done", result.failure
    return company


@pytest.fixture
def company() -> FakeCompany:
    """Three tenants at dc3 with backups; then the power of dc3 is cut."""
    made = copy.deepcopy(_prepared())
    for name in ("h1", "h2"):
        made.hosts[name].reachable = False
    return made


def point(company: FakeCompany, tenant: str, target: str) -> None:
    """Change a tenant's name behind drp's back."""
    old = company.zone.find(f"{tenant}.example.test", "CNAME")
    assert old is not None
    company.zone.replace(old, replace(old, values=(target,)))


@pytest.mark.failure_mode("C12")
def test_every_tenant_serves_at_the_other_site(company: FakeCompany) -> None:
    result = run_failover(company)
    assert result.outcome == "done", result.failure
    for tenant in TENANTS:
        serving = EpochReader(company.stores["witness"]).find_serving(tenant)
        assert serving is not None
        assert serving.site == "dc5"
        found = company.zone.find(f"{tenant}.example.test", "CNAME")
        assert found is not None
        assert set(found.values) == {"dc5.example.test"}
    host, instance = find_instance(company)
    state = company.databases.load(company.hosts[host], instance)
    assert state["collections"]["app.orders"]["documents"] == ["one", "two", "three"]


def find_target(company: FakeCompany, tenant: str) -> str:
    found = company.zone.find(f"{tenant}.example.test", "CNAME")
    assert found is not None
    return ", ".join(found.values)


def test_all_names_are_switched_in_one_call(company: FakeCompany) -> None:
    company.zone.calls.clear()
    assert run_failover(company).outcome == "done"
    assert company.zone.calls.count("replace_all") == 1
    assert "replace" not in company.zone.calls


def test_a_name_changed_by_hand_sets_aside_its_tenant_only(company: FakeCompany) -> None:
    point(company, "globex", "elsewhere.test")
    result = run_failover(company)
    assert result.outcome == "partial"
    assert {scope: failure.cause.message for scope, failure in result.failures.items()} == {
        "globex": "cannot switch 'globex.example.test': it is elsewhere.test, planned dc3.example.test"
    }
    assert [find_target(company, tenant) for tenant in TENANTS] == [
        "dc5.example.test",
        "elsewhere.test",
        "dc5.example.test",
    ]


def test_names_are_switched_one_by_one_when_that_fails_for_all(company: FakeCompany) -> None:
    company.zone.fail_next("replace_all", RejectedError("cannot change 3 names: the zone is odd"))
    result = run_failover(company)
    assert [(scope, failure.step) for scope, failure in result.failures.items()] == [("", "switch-all")]
    assert {find_target(company, tenant) for tenant in TENANTS} == {"dc5.example.test"}


def test_guards_know_before_the_witness_does(company: FakeCompany) -> None:
    run_failover(company)
    taken = TakeoverReader(company.stores["witness"]).load("dc3")[0].taken
    assert set(taken) == set(TENANTS)
    assert company.hosts["h3"].told == company.hosts["h4"].told == taken


def check_forwards(company: FakeCompany, tenant: str, *, epoch: int) -> None:
    """At the edge of h4, for a tenant on h3."""
    host = company.inventory.host("h4")
    names = company.inventory.tenants[tenant].domains
    params = ForwardsParams(address=host.edge, tenants=(Forwarded(name=tenant, domains=names, epoch=epoch),))
    call = Call(run="r", step="s", actor="t", attempt=1, inputs={}, deadline_s=9, progress=print)
    CheckForwards().apply(company, params, call)


def test_an_edge_that_hands_on_nothing_is_noticed_for_who_is_served(company: FakeCompany) -> None:
    run_failover(company)
    serving = EpochReader(company.stores["witness"]).find_serving("acme")
    assert serving is not None
    assert serving.host == "h3"
    check_forwards(company, "acme", epoch=serving.epoch)
    company.edges["h4"].set_route("acme.example.test", None)
    with pytest.raises(VerificationError, match=r"cannot reach 'acme\.example\.test' through"):
        check_forwards(company, "acme", epoch=serving.epoch)
    # who is not served under that epoch is not asked for
    check_forwards(company, "acme", epoch=serving.epoch + 1)
