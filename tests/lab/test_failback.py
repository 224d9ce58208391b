"""Live tenants change their site in two orders while their clients write: one first, then the rest."""

from __future__ import annotations

import time

import pytest

from tests.lab.company import Company
from tests.lab.homeward import SETTLED_S, check_nothing_lost, find_sites, measured, move, writing_patiently


@pytest.mark.certificate
def test_one_moves_and_two_follow_and_no_acknowledged_write_is_lost(doomed: Company) -> None:
    company = doomed
    here, there = company.lab.names.sites
    first, *others = company.lab.names.tenants
    with writing_patiently(company, "moved") as clients:
        time.sleep(SETTLED_S)
        move(company.ops1, "--tenants", first, "--to", there.name, tenants=1)
        assert find_sites(company.ops1) == {first: there.name, **dict.fromkeys(others, here.name)}
        move(company.ops1, "--all", "--to", there.name, tenants=len(others))
        time.sleep(SETTLED_S)
    assert set(find_sites(company.ops1).values()) == {there.name}
    check_nothing_lost(clients)


@pytest.mark.certificate
def test_one_after_the_other_and_side_by_side_arrive_at_the_same(doomed: Company) -> None:
    """How long either takes is printed and not judged."""
    tenants = doomed.lab.names.tenants
    for parallel in (1, len(tenants)):
        sites = set(find_sites(doomed.ops1).values())
        (target,) = {site.name for site in doomed.lab.names.sites} - sites
        with measured(f"{len(tenants)} moves, {parallel} at once"):
            move(doomed.ops1, "--all", "--to", target, "--parallel", str(parallel), tenants=len(tenants))
        assert set(find_sites(doomed.ops1).values()) == {target}
