"""What a use case is handed: the desk it is ordered from, and the workshop it works in."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from drp.actions.action import WritePorts
from drp.actions.orders import Order
from drp.commands.events import Emit, QuestionEvent
from drp.commands.fleet.results import FleetReview
from drp.commands.results import Review, Takeover
from drp.commands.stopping import Departure, Stoppable
from drp.engine.faults import Faults, NoFaults
from drp.engine.tasks import Perform
from drp.model.inventory import Inventory
from drp.model.plan import Plan
from drp.model.values import JsonMap
from drp.ports.clock import Clock
from drp.ports.objects import ObjectStore
from drp.witness.leases import TERM, IsAlive


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where commands are given: who gives them, where runs are kept, and whom to tell and to ask.

    ``operator`` is user@host; ``ask`` and ``type_in`` give the answer or raise RefusedError when nobody
    is there;
    ``stops`` lets the operator's signals reach a run; ``tail`` makes the four letters of a run id;
    ``faults`` cuts the power where a test asks for it.
    """

    state: Path
    operator: str
    clock: Clock
    emit: Emit
    ask: Callable[[QuestionEvent], bool]
    type_in: Callable[[QuestionEvent], str]
    show: Callable[[Review | Takeover | FleetReview], None]
    stops: Callable[[Stoppable], AbstractContextManager[Departure]]
    tail: Callable[[], str]
    faults: Faults = field(default_factory=NoFaults)


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """Where the files lie from which drp works."""

    config: Path
    runbooks: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """The inventory with everything that can act on it, put together by ``wiring`` (or by a test).

    ``performer`` makes the function by which the engine has the steps of one run done: run id, number of
    its lease (0 for one that only looks). ``term``: by which its leases are renewed. ``folders``: None when
    it was not made from files.
    """

    inventory: Inventory
    ports: WritePorts
    gather: Callable[[Order], JsonMap]
    compile: Callable[[Order, JsonMap], Plan]
    performer: Callable[[str, int], Perform]
    witness: ObjectStore
    is_alive: IsAlive
    term: timedelta = TERM
    folders: Folders | None = None
