"""The action protocol: four phases with one promise each, and the contexts they are given.

``observe`` looks at the world, never at a journal; ``apply`` may be called again after a crash;
``verify`` raises VerificationError; ``undo`` may be called when nothing, a part or all was done.
An action has no retries, no loop that sleeps but through ``clock.wait``, and knows no other step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Generic, Protocol, TypeVar

from drp.actions.prober import Prober
from drp.engine.tasks import Absent, Partial, Present
from drp.model.inventory import Inventory, SecretRef
from drp.model.values import JsonMap, Secret
from drp.ports.clock import Clock
from drp.ports.dns import Dns, DnsReader
from drp.ports.edges import Edge, EdgeReader
from drp.ports.helpers import Helpers, Progress
from drp.ports.hosts import Host, HostReader
from drp.ports.objects import ObjectReader, ObjectStore
from drp.ports.probes import Probes


class ReadPorts(Protocol):
    """The world as an action may look at it; each call names the object by its configured name."""

    @property
    def inventory(self) -> Inventory: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def probes(self) -> Probes: ...

    @property
    def prober(self) -> Prober: ...

    def host(self, name: str) -> HostReader: ...

    def edge(self, host: str) -> EdgeReader: ...

    def dns(self) -> DnsReader: ...

    def store(self, name: str) -> ObjectReader: ...

    def secret(self, ref: SecretRef) -> Secret: ...


class WritePorts(Protocol):
    """The world as an action may change it."""

    @property
    def inventory(self) -> Inventory: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def probes(self) -> Probes: ...

    @property
    def prober(self) -> Prober: ...

    @property
    def helpers(self) -> Helpers: ...

    def host(self, name: str) -> Host: ...

    def edge(self, host: str) -> Edge: ...

    def dns(self) -> Dns: ...

    def store(self, name: str) -> ObjectStore: ...

    def secret(self, ref: SecretRef) -> Secret: ...


Observation = Absent | Partial | Present


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One execution: who asks (for labels and names), the outputs of the steps it needs or is after, and why
    those it is after do not hold (by their scope: ``{step, error, message}``)."""

    run: str
    step: str
    actor: str
    attempt: int
    inputs: Mapping[str, JsonMap]
    deadline_s: float
    progress: Progress
    failures: Mapping[str, JsonMap] = field(default_factory=dict)


P = TypeVar("P")


class Action(Generic[P]):
    """Base of every action; ``P`` is a frozen dataclass of JSON values, checked when a plan is compiled."""

    name: ClassVar[str]
    params: type[P]
    reversible: ClassVar[bool] = True
    """False: what it removes cannot be put back."""
    read_only: ClassVar[bool] = False
    """True: a look; it changes nothing and is simply done again."""
    makes_wait: ClassVar[bool] = False
    """True: once it is done, clients wait until something lets them go on."""

    def observe(self, ports: ReadPorts, params: P, call: Call) -> Observation:
        raise NotImplementedError

    def moved(self, ports: ReadPorts, params: P) -> str:
        """What is neither as planned nor as this makes it, as ``NAME is X, planned Y``; "" if nothing."""
        return ""

    def apply(self, ports: WritePorts, params: P, call: Call) -> JsonMap:
        """Make it so; the outputs (JSON, no secrets)."""
        raise NotImplementedError

    def verify(self, ports: ReadPorts, params: P, call: Call, outputs: JsonMap) -> None:
        """Prove it by looking. The default takes ``observe``'s word."""

    def undo(self, ports: WritePorts, params: P, call: Call) -> None:
        """Take it back. The default has nothing to take back."""
