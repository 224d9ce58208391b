"""Whole runbooks on the company in memory."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from drp.actions.catalogue import Performer, action_specs
from drp.actions.facts import gather_facts
from drp.actions.orders import Order
from drp.engine.events import RunResult
from drp.engine.journal import MemoryJournal
from drp.engine.runner import Runner
from drp.model.names import Instance
from drp.model.plan import Plan
from drp.runbooks.compile import compile_loaded
from drp.runbooks.schema import Runbook, load_runbook
from drp.testing.company import FakeCompany
from drp.testing.databases import State

RUNBOOKS = Path(__file__).parents[2] / "runbooks"


def compile_order(
    company: FakeCompany, verb: str, *, tenant: str = "acme", site: str, number: int = 1
) -> Plan:
    """The plan of an order on this company."""
    order = Order(verb=verb, run=f"{verb}-310304-{number}", tenant=tenant, site=site)
    facts = gather_facts(company, order)
    return compile_loaded(load_verb(verb), facts, action_specs(), run=order.run, tenant=tenant)


@cache
def load_verb(verb: str) -> Runbook:
    """The verb's runbook, read once."""
    return load_runbook(RUNBOOKS / f"{verb}.yml")


def run_plan(company: FakeCompany, plan: Plan) -> RunResult:
    """Run it to its end with every question answered."""
    performer = Performer(reading=company, writing=company, run=plan.run, actor="tester")
    answers = {step.id: "yes, tester" for step in plan.steps if step.approval}
    journal = MemoryJournal()
    return Runner(plan, journal, performer, clock=company.clock, actor="tester", answers=answers).run()


def deploy(company: FakeCompany, tenant: str = "acme") -> None:
    """Deploy at home and put something into the databases."""
    result = run_plan(company, compile_order(company, "deploy", tenant=tenant, site="dc3"))
    assert result.outcome == "done", result.failure
    host, instance = find_instance(company, tenant)
    state = company.databases.load(company.hosts[host], instance)
    fill(state)
    company.databases.save(company.hosts[host], instance, state)


def fill(state: State) -> None:
    state["collections"]["app.orders"] = {"documents": ["one", "two", "three"], "indexes": ["_id_", "when_1"]}
    state["users"] = {"reporting": "salt and key", "exporter": "salt and key"}


def find_instance(company: FakeCompany, tenant: str = "acme") -> tuple[str, Instance]:
    """(host, instance) whose API runs."""
    for name, host in company.hosts.items():
        for container in host.world.running():
            if container.spec.labels.get("drp.tenant") == tenant and container.spec.name.endswith("-api"):
                return name, Instance.parse(container.spec.labels["drp.instance"])
    raise LookupError(tenant)
