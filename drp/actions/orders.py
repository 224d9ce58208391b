"""What an operator asks for, and who owns what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from drp.actions.action import ReadPorts
from drp.witness.epochs import EpochReader

MOVES: Final = ("planned", "failback")
"""Verbs that move many live tenants, each by a run of its own."""
_AT_ONCE: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """``site`` is the target of deploy, migrate and failover, the source of retire.

    A verb that works on many has no ``tenant`` but ``tenants``; ``source`` is the site that they leave.
    ``host`` is the one that ``start`` is for, or on which ``migrate`` shall put the tenant; "": that of the
    tenants, or the best. ``links``: CIDRs that were kept free for it there. ``parallel``: how many tenants at
    once; 0: what is usual.
    """

    verb: str
    run: str
    tenant: str
    site: str
    tenants: tuple[str, ...] = ()
    source: str = ""
    host: str = ""
    links: tuple[str, ...] = ()
    parallel: int = 0

    @property
    def limits(self) -> Mapping[str, int]:
        """Capacity of the pools of its runbook."""
        return {"moves": self.parallel or _AT_ONCE}


def epochs(ports: ReadPorts) -> EpochReader:
    """The epochs as the witness holds them."""
    return EpochReader(ports.store(ports.inventory.witness))
