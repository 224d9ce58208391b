"""A desk and a workshop over the company in memory: real runbooks, actions, engine and witness code."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest

from drp.actions.catalogue import Performer, action_specs
from drp.actions.facts import gather_facts
from drp.actions.orders import Order
from drp.commands import launch, recover
from drp.commands.desk import Desk, Workshop
from drp.commands.events import Event, QuestionEvent
from drp.commands.fleet.results import FleetReview
from drp.commands.results import Review, RunReport, StatusReport, Takeover
from drp.commands.status import Observer
from drp.commands.stopping import Departure, Stoppable
from drp.engine.faults import Faults, NoFaults
from drp.engine.tasks import Perform
from drp.errors import DeniedError
from drp.model.plan import Plan
from drp.model.values import JsonMap
from drp.runbooks.compile import compile_loaded
from drp.testing.clock import ManualClock
from drp.testing.company import FakeCompany
from drp.testing.failures import PowerCut
from drp.witness.leases import Holder, Lease, Leases
from tests.actions.runs import deploy, load_verb

TAILS = ("7f3a", "b9d2", "c2d8", "e4k7")
DENIED = DeniedError("cannot change 'it': no rights")


class CutAt:
    """Cuts the power at the fault point of that name."""

    def __init__(self, point: str) -> None:
        self._point = point

    def hit(self, point: str) -> None:
        if point == self._point:
            raise PowerCut(point)


class BeatingClock(ManualClock):
    """While somebody waits, another machine goes on beating."""

    def __init__(self, leases: Leases, lease: Lease, *, first: int = 1) -> None:
        super().__init__()
        self._leases, self._lease, self._beat = leases, lease, first

    def wait(self, duration: timedelta) -> None:
        super().wait(duration)
        self._leases.beat(self._lease, self._beat)
        self._beat += 1


def never_alive(holder: Holder) -> bool | None:
    return False


def build_workshop(company: FakeCompany, *, actor: str = "ops@here") -> Workshop:
    def compile_order(order: Order, facts: JsonMap) -> Plan:
        runbook = load_verb(order.verb)
        return compile_loaded(
            runbook, facts, action_specs(), run=order.run, tenant=order.tenant, limits=order.limits
        )

    def performer(run: str, epoch: int) -> Perform:
        return Performer(reading=company, writing=company, run=run, actor=actor)

    return Workshop(
        inventory=company.inventory,
        ports=company,
        gather=lambda order: gather_facts(company, order),
        compile=compile_order,
        performer=performer,
        witness=company.stores["witness"],
        is_alive=never_alive,
    )


@cache
def _deployed() -> FakeCompany:
    company = FakeCompany()
    deploy(company)
    return company


def deployed() -> FakeCompany:
    """A company of its own in which dc3 serves acme."""
    return copy.deepcopy(_deployed())


@dataclass
class Bench:
    """Orders given one after the other; ``events``, ``shown`` and ``asked`` keep what was said.

    ``on_stops`` is done with each run as soon as it could get signals; ``on_ask`` at each question.
    """

    state: Path
    company: FakeCompany = field(default_factory=deployed)
    answers: list[bool] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    shown: list[Review | Takeover | FleetReview] = field(default_factory=list)
    asked: list[QuestionEvent] = field(default_factory=list)
    typed: list[str] = field(default_factory=list)
    faults: Faults = field(default_factory=NoFaults)
    on_stops: Callable[[Stoppable, Departure], None] = lambda run, departure: None
    on_ask: Callable[[], object] = lambda: None
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
            type_in=self._type_in,
            show=self.shown.append,
            stops=self._stops,
            tail=self._tail,
            faults=self.faults,
        )

    def _type_in(self, question: QuestionEvent) -> str:
        self.asked.append(question)
        return self.typed.pop(0)

    def launch(self, verb: str, site: str, tenant: str = "acme") -> RunReport:
        return launch.launch(self.desk(), self.workshop, self.order(verb, site, tenant))

    def plan(self, verb: str, site: str, tenant: str = "acme") -> Review:
        return launch.plan(self.workshop, self.order(verb, site, tenant))

    def recover(self, word: str = "", *, back: bool = False) -> RunReport:
        return recover.recover(self.desk(), self.workshop, word, back=back)

    def status(self, subject: str = "") -> StatusReport:
        return Observer(self.company, self.state, is_alive=self.workshop.is_alive).status(subject)

    def cut(self, point: str) -> None:
        """Begin to migrate acme to dc5 and cut the power at that fault point."""
        self.faults = CutAt(point)
        with pytest.raises(PowerCut):
            self.launch("migrate", "dc5")
        self.faults = NoFaults()

    def order(self, verb: str, site: str, tenant: str) -> Order:
        return Order(verb=verb, run="", tenant=tenant, site=site)

    def _ask(self, question: QuestionEvent) -> bool:
        self.asked.append(question)
        self.on_ask()
        return self.answers.pop(0) if self.answers else True

    @contextmanager
    def _stops(self, run: Stoppable) -> Iterator[Departure]:
        departure = Departure()
        self.on_stops(run, departure)
        yield departure

    def _tail(self) -> str:
        self.runs += 1
        return TAILS[self.runs - 1]
