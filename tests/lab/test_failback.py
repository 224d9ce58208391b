"""Live tenants change their site in two orders while their clients write: one first, then the rest."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.lab.clients import Client
from tests.lab.company import Company

SETTLED_S = 0.5
"""How long clients write before the first order, and after the last."""


@contextmanager
def writing_patiently(company: Company) -> Iterator[list[Client]]:
    """A writer for each tenant meanwhile, who waits longer than any hold."""
    clients = [company.client(name, suffix="-moved") for name in company.lab.names.tenants]
    for client in clients:
        client.start_writing()
    try:
        yield clients
    finally:
        for client in clients:
            client.stop_writing()


def find_sites(company: Company) -> dict[str, str]:
    """Tenant -> who serves it, by one look."""
    return {row["tenant"]: row["serves"] for row in company.ops1.drp("status")["tenants"]}


def move(company: Company, *order: str, tenants: int) -> None:
    began = time.monotonic()
    done = company.ops1.drp("failback", *order, "--expect-tenants", str(tenants), "--yes")
    frozen = {row["tenant"]: row.get("freeze_ms") for row in done["tenants"] if row["status"] == "done"}
    print(f"failback {' '.join(order)}: {time.monotonic() - began:.1f} s, writes waited (ms): {frozen}")
    assert len(frozen) == tenants, done


@pytest.mark.certificate
def test_one_moves_and_two_follow_and_no_acknowledged_write_is_lost(doomed: Company) -> None:
    company = doomed
    here, there = company.lab.names.sites
    first, *others = company.lab.names.tenants
    with writing_patiently(company) as clients:
        time.sleep(SETTLED_S)
        move(company, "--tenants", first, "--to", there.name, tenants=1)
        assert find_sites(company) == {first: there.name, **dict.fromkeys(others, here.name)}
        move(company, "--all", "--to", there.name, tenants=len(others))
        time.sleep(SETTLED_S)
    assert set(find_sites(company).values()) == {there.name}
    for client in clients:
        verified = client.verify()
        print(f"{client.name}: {verified.acknowledged} acknowledged, {len(verified.lost)} lost")
        assert (verified.lost, verified.refused) == ([], 0), verified.refusals
        assert len(verified.instances) == 2, verified.instances
