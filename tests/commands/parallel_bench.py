"""Many tenants at once against one after the other: `python -m tests.commands.parallel_bench [tenants]`.

In virtual time (``virtual.py``), over the plans of the real runbooks. Numbers are printed, never judged.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache

from drp.actions.catalogue import action_specs
from drp.actions.facts import gather_facts
from drp.actions.orders import Order
from drp.model.plan import Plan
from drp.model.values import render_duration
from drp.runbooks.compile import compile_loaded
from drp.testing.company import FakeCompany
from tests.actions.runs import deploy, load_verb, run_plan
from tests.commands.virtual import Simulated, Simulation

AT_ONCE = (1, 2, 4, 8)
TENANTS = 12


@cache
def build_company(number: int) -> FakeCompany:
    """So many tenants with backups, served by dc3."""
    company = FakeCompany(tuple(f"tenant{each:02}" for each in range(number)))
    inventory = company.inventory
    sites = {
        name: replace(site, hosts=tuple(replace(host, memory=2**40) for host in site.hosts))
        for name, site in inventory.sites.items()
    }
    company.inventory = replace(inventory, sites=sites)
    for name in company.inventory.tenants:
        deploy(company, name)
    return company


def compile_order(company: FakeCompany, order: Order) -> Plan:
    facts = gather_facts(company, order)
    return compile_loaded(
        load_verb(order.verb), facts, action_specs(), run=order.run, tenant=order.tenant, limits=order.limits
    )


def simulate_moves(company: FakeCompany, parallel: int) -> Simulated:
    """All of them to dc5 as planned."""
    names = tuple(company.inventory.tenants)
    order = Order(verb="planned", run="p", tenant="", site="dc5", source="dc3", tenants=names)
    plan = compile_order(company, replace(order, parallel=parallel))
    hosts = {step.scope: str(step.params["host"]) for step in plan.steps if step.scope}

    def part(tenant: str) -> Plan:
        run = Order(verb="migrate", run="m", tenant=tenant, site="dc5", host=hosts[tenant])
        return compile_order(company, run)

    return Simulation(plan, part).run()


def simulate_failover(company: FakeCompany, parallel: int) -> Simulated:
    """All of them to dc5 from their backups."""
    names = tuple(company.inventory.tenants)
    order = Order(verb="failover", run="f", tenant="", site="dc5", source="dc3", tenants=names)
    return Simulation(compile_order(company, replace(order, parallel=parallel))).run()


def take_backups(company: FakeCompany) -> None:
    order = Order(verb="backup", run="b", tenant="", site="", tenants=tuple(company.inventory.tenants))
    result = run_plan(company, compile_order(company, order))
    assert result.outcome == "done", result.failure


def iter_lines(title: str, found: Sequence[tuple[int, Simulated]], hosts: Sequence[str]) -> Iterator[str]:
    """One for each number; ``ratio``: how much longer one after the other takes."""
    serial = found[0][1].seconds
    for parallel, each in found:
        yield (
            f"{title}  --parallel {parallel}  {render_duration(timedelta(seconds=round(each.seconds))):>8}  "
            f"ratio {serial / each.seconds:4.2f}  busy {each.busy(hosts):4.0%} of the target's hosts"
        )


def main(arguments: Sequence[str]) -> None:
    number = int(arguments[0]) if arguments else TENANTS
    company = build_company(number)
    hosts = [host.name for host in company.inventory.sites["dc5"].hosts]
    print(f"{number} tenants from dc3 to dc5 ({len(hosts)} hosts), in virtual time")
    moves = [(parallel, simulate_moves(company, parallel)) for parallel in AT_ONCE]
    print("\n".join(iter_lines("planned ", moves, hosts)))
    take_backups(company)
    takeovers = [(parallel, simulate_failover(company, parallel)) for parallel in AT_ONCE]
    print("\n".join(iter_lines("disaster", takeovers, hosts)))


if __name__ == "__main__":
    main(sys.argv[1:])
