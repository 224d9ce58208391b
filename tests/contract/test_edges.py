"""The edge contract on the fake and on a real HAProxy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from drp.errors import UnreachableError
from drp.ports.edges import Edge
from drp.testing.contract_edges import EdgesContract
from drp.testing.edges import FakeEdge
from tests.providers.edge.local import LocalEdge, make_edge, running_edge


class TestFakeEdge(EdgesContract):
    def make_edge(self) -> Edge:
        edge = FakeEdge()
        edge.install()
        return edge

    def make_silent(self) -> Edge:
        edge = FakeEdge()
        for method in (
            "routes",
            "find_route",
            "is_held",
            "has_certificate",
            "set_route",
            "requests_in_flight",
            "quiet_for",
        ):
            edge.fail_next(method, UnreachableError("cannot look at the edge: no answer"))
        return edge


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEdge]:
    with running_edge(tmp_path_factory.mktemp("edge"), "127.0.0.2") as made:
        yield made


@pytest.mark.servers
class TestHaproxyEdge(EdgesContract):
    @pytest.fixture(autouse=True)
    def _local(self, local: LocalEdge, tmp_path: Path) -> None:
        self.local, self.folder = local, tmp_path

    def make_edge(self) -> Edge:
        return self.local.edge

    def make_silent(self) -> Edge:
        return make_edge(self.folder / "silent", "127.0.0.2").edge
