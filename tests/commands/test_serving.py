"""Who serves: only what witness, edges and a client agree on."""

from __future__ import annotations

import pytest

from drp.commands.events import NOBODY, UNKNOWN
from drp.commands.results import Served
from drp.commands.serving import find_served
from drp.errors import UnreachableError
from drp.ports.edges import Route
from drp.testing.company import FakeCompany
from tests.commands.bench import deployed

NAME = "acme.example.test"
GONE = UnreachableError("cannot reach 'it': no answer")


@pytest.fixture
def company() -> FakeCompany:
    return deployed()


def look(company: FakeCompany, tenant: str = "acme") -> Served:
    return find_served(company, company.inventory.tenants[tenant])


def test_witness_edges_and_client_agree(company: FakeCompany) -> None:
    served = look(company)
    assert (served.site, served.writes, served.epoch) == ("dc3", True, 1)
    assert served.probed == company.clock.now()


def test_tenant_without_epoch_and_route_is_served_by_nobody(company: FakeCompany) -> None:
    assert (look(company, "globex").site, look(company, "globex").writes) == (NOBODY, False)


def test_held_requests_are_no_writes_but_the_site_still_serves(company: FakeCompany) -> None:
    company.edges["h1"].hold(NAME, company.inventory.tenants["acme"].freeze)
    assert (look(company).site, look(company).writes) == ("dc3", False)


def test_silent_witness_leaves_it_unknown(company: FakeCompany) -> None:
    company.stores["witness"].fail_next("list", GONE)
    served = look(company)
    assert (served.site, served.reason) == (UNKNOWN, GONE.message)


def test_silent_edge_of_the_serving_host_leaves_it_unknown(company: FakeCompany) -> None:
    company.edges["h1"].fail_next("routes", GONE)
    assert look(company).reason == GONE.message


def test_route_against_the_witness_leaves_it_unknown(company: FakeCompany) -> None:
    company.edges["h1"].set_route(NAME, Route("edge", "192.0.2.30:443"))
    assert look(company).reason == "the witness says dc3, but the edge of h1 routes to edge 192.0.2.30:443"


def test_second_local_route_leaves_it_unknown(company: FakeCompany) -> None:
    company.edges["h3"].set_route(NAME, Route("local", "10.103.0.3:8080"))
    assert look(company).reason == "the witness says dc3, but the edge of h3 routes to an API too"


def test_dead_api_behind_the_edge_leaves_it_unknown(company: FakeCompany) -> None:
    company.hosts["h1"].crash("acme-e0001-api")
    assert look(company).reason == f"cannot reach '{NAME}' at 192.0.2.10: the edge answered 503"


def test_open_route_without_epoch_leaves_it_unknown(company: FakeCompany) -> None:
    company.edges["h2"].set_route("globex.example.test", Route("local", "10.102.0.3:8080"))
    reason = "the witness knows of no site, but the edge of h2 routes to an API"
    assert look(company, "globex").reason == reason


def test_silent_edge_leaves_it_unknown_that_nobody_serves(company: FakeCompany) -> None:
    company.edges["h4"].fail_next("routes", GONE)
    assert look(company, "globex").reason == GONE.message
