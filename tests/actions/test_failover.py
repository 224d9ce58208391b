"""The runbook of a failover on the company in memory: backups beforehand, a dead site, another one serves."""

from __future__ import annotations

import copy
from functools import cache

import pytest

from drp.actions.catalogue import action_specs
from drp.actions.facts import gather_facts
from drp.actions.orders import Order
from drp.engine.events import RunResult
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


def test_guards_know_before_the_witness_does(company: FakeCompany) -> None:
    run_failover(company)
    taken = TakeoverReader(company.stores["witness"]).load("dc3")[0].taken
    assert set(taken) == set(TENANTS)
    assert company.hosts["h3"].told == company.hosts["h4"].told == taken
