"""Live tenants on their way to another site, and clients who write and wait."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.lab.clients import Client
from tests.lab.company import Company
from tests.lab.console import Operator

SETTLED_S = 0.5
"""How long clients write before the first order, and after the last."""


@contextmanager
def writing_patiently(company: Company, suffix: str) -> Iterator[list[Client]]:
    """A writer for each tenant meanwhile, who waits longer than any hold; ids differ by the suffix."""
    clients = [company.client(name, suffix=f"-{suffix}") for name in company.lab.names.tenants]
    for client in clients:
        client.start_writing(prefix=f"{suffix}-", pause=0.03 * len(clients))
    try:
        yield clients
    finally:
        for client in clients:
            client.stop_writing()


def find_sites(operator: Operator) -> dict[str, str]:
    """Tenant -> who serves it, by one look."""
    return {row["tenant"]: row["serves"] for row in operator.drp("status")["tenants"]}


def move(operator: Operator, *order: str, tenants: int) -> None:
    """All of them must arrive."""
    began = time.monotonic()
    done = operator.drp("failback", *order, "--expect-tenants", str(tenants), "--yes")
    frozen = {row["tenant"]: row.get("freeze_ms") for row in done["tenants"] if row["status"] == "done"}
    print(f"failback {' '.join(order)}: {time.monotonic() - began:.1f} s, writes waited (ms): {frozen}")
    assert len(frozen) == tenants, done


@contextmanager
def measured(what: str) -> Iterator[None]:
    """Prints how long it took, and which share of all cores was busy meanwhile."""
    began, (idle, spent) = time.monotonic(), _read_cores()
    yield
    idle_then, spent_then = _read_cores()
    busy = 1 - (idle_then - idle) / (spent_then - spent)
    print(f"{what}: {time.monotonic() - began:.1f} s, cores {busy:.0%} busy")


def _read_cores() -> tuple[int, int]:
    """Ticks in which nothing was done (or a disk waited for), and all ticks, of all cores: proc(5)."""
    with open("/proc/stat", encoding="ascii") as file:
        ticks = [int(word) for word in file.readline().split()[1:9]]
    return ticks[3] + ticks[4], sum(ticks)


def check_nothing_lost(clients: list[Client]) -> None:
    """By the databases; each client has met the old place and the new one."""
    for client in clients:
        verified = client.verify()
        print(f"{client.name}: {verified.acknowledged} acknowledged, {len(verified.lost)} lost")
        assert (verified.lost, verified.refused) == ([], 0), verified.refusals
        assert len(verified.instances) == 2, verified.instances
