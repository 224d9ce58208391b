"""A desk and a workshop over the company in memory: real runbooks, actions, engine and witness code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from drp.actions.catalogue import Performer, action_specs
from drp.actions.facts import Order, gather_facts
from drp.commands import launch
from drp.commands.desk import Departure, Desk, Stoppable, Workshop
from drp.commands.events import Event, QuestionEvent
from drp.commands.results import Review, RunReport, Takeover
from drp.engine.faults import Faults, NoFaults
from drp.engine.tasks import Perform
from drp.model.plan import Plan
from drp.model.values import JsonMap
from drp.runbooks.compile import compile_runbook
from drp.testing.company import FakeCompany
from drp.witness.leases import Holder

RUNBOOKS = Path(__file__).parents[2] / "runbooks"
TAILS = ("7f3a", "b9d2", "c2d8", "e4k7")


def build_workshop(company: FakeCompany, *, actor: str = "ops@here", runbooks: Path = RUNBOOKS) -> Workshop:
    def compile_order(order: Order, facts: JsonMap) -> Plan:
        path = runbooks / f"{order.verb}.yml"
        return compile_runbook(path, facts, action_specs(), run=order.run, tenant=order.tenant)

    def performer(run: str) -> Perform:
        return Performer(reading=company, writing=company, run=run, actor=actor)

    def is_alive(holder: Holder) -> bool:
        return False

    return Workshop(
        inventory=company.inventory,
        ports=company,
        gather=lambda order: gather_facts(company, order),
        compile=compile_order,
        performer=performer,
        witness=company.stores["witness"],
        is_alive=is_alive,
    )


@dataclass
class Bench:
    """Orders given one after the other; ``events`` and ``shown`` keep what was said."""

    state: Path
    company: FakeCompany = field(default_factory=FakeCompany)
    answers: list[bool] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    shown: list[Review | Takeover] = field(default_factory=list)
    asked: list[QuestionEvent] = field(default_factory=list)
    faults: Faults = field(default_factory=NoFaults)
    runs: int = 0

    def __post_init__(self) -> None:
        self.workshop = build_workshop(self.company)

    def desk(self) -> Desk:
        return Desk(
            state=self.state,
            operator="ops@here",
            clock=self.company.clock,
            emit=self.events.append,
            ask=self._ask,
            show=self.shown.append,
            stops=self._stops,
            tail=self._tail,
            faults=self.faults,
        )

    def launch(self, verb: str, tenant: str, site: str) -> RunReport:
        order = Order(verb=verb, run="", tenant=tenant, site=site)
        return launch.launch(self.desk(), self.workshop, order)

    def _ask(self, question: QuestionEvent) -> bool:
        self.asked.append(question)
        return self.answers.pop(0) if self.answers else True

    @contextmanager
    def _stops(self, run: Stoppable) -> Iterator[Departure]:
        yield Departure()

    def _tail(self) -> str:
        self.runs += 1
        return TAILS[self.runs - 1]
