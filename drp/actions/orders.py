"""What an operator asks for, and who owns what."""

from __future__ import annotations

from dataclasses import dataclass

from drp.actions.action import ReadPorts
from drp.witness.epochs import EpochReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """``site`` is the target of deploy, migrate and failover, the source of retire.

    A verb that works on many has no ``tenant`` but ``tenants``; ``source`` is the site that they leave.
    ``host`` is the one that ``start`` is for; "": that of the tenants.
    """

    verb: str
    run: str
    tenant: str
    site: str
    tenants: tuple[str, ...] = ()
    source: str = ""
    host: str = ""


def epochs(ports: ReadPorts) -> EpochReader:
    """The epochs as the witness holds them."""
    return EpochReader(ports.store(ports.inventory.witness))
