"""Two running edges, A and B, and a third party's names."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from drp.testing.contract_edges import AUTHORITY
from tests.providers.edge.local import LocalEdge, running_edge

ADDRESS_A, ADDRESS_B = "127.0.0.2", "127.0.0.3"
_NUMBERS = count(1)


@pytest.fixture(scope="session")
def edge_a(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEdge]:
    with running_edge(tmp_path_factory.mktemp("a"), ADDRESS_A) as edge:
        yield edge


@pytest.fixture(scope="session")
def edge_b(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEdge]:
    # loopback gives every client this address: here all are other edges
    with running_edge(tmp_path_factory.mktemp("b"), ADDRESS_B, peers=("127.0.0.1",)) as edge:
        yield edge


@pytest.fixture
def name(request: pytest.FixtureRequest, edge_a: LocalEdge) -> str:
    """A name that the test's edges have a certificate for, and no route."""
    made = f"tenant-{next(_NUMBERS)}.example.test"
    edges = [edge_a]
    if "edge_b" in request.fixturenames:
        edges.append(request.getfixturevalue("edge_b"))
    for edge in edges:
        edge.edge.set_certificate(made, AUTHORITY.issue(made))
    return made
