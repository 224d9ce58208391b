"""What an edge's container says may be cut anywhere: half of it is never taken for the whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import pytest

from drp.errors import UnreachableError
from drp.model.specs import FileSpec
from drp.ports.edges import Route
from drp.ports.hosts import ContainerState, ExecResult
from drp.providers.edge.config import EdgeSettings
from drp.providers.edge.haproxy import HaproxyEdge
from drp.testing.contract_edges import AUTHORITY
from tests.providers.edge.test_state import NAME, SHOWN

PRINT = "ab" * 32


@dataclass
class Teller:
    """A container whose commands end well, with the first ``length`` characters of an output."""

    output: str
    length: int

    def execute(self, container: str, argv: Sequence[str], deadline: timedelta) -> ExecResult:
        return ExecResult(exit_code=0, output=self.output[: self.length])

    def find_container(self, name: str) -> ContainerState | None:
        raise NotImplementedError

    def read_file(self, container: str, path: str) -> bytes | None:
        raise NotImplementedError

    def put_files(self, container: str, directory: str, files: Sequence[FileSpec]) -> None:
        raise NotImplementedError


Ask = Callable[[HaproxyEdge], object]
ASKED: list[tuple[str, Ask, object]] = [
    (SHOWN, lambda edge: edge.find_route(NAME), Route("local", "192.0.2.1:8080", "acme-e0007")),
    (SHOWN, lambda edge: edge.is_held(NAME), True),
    (SHOWN, lambda edge: edge.requests_in_flight(NAME), 2),
    (f"{PRINT}\n", lambda edge: edge.has_certificate(NAME, PRINT), True),
    ("", lambda edge: edge.has_certificate(NAME, PRINT), False),
]


@pytest.mark.parametrize(("said", "ask", "answer"), ASKED, ids=["route", "held", "flight", "shown", "none"])
def test_a_cut_output_is_no_answer(said: str, ask: Ask, answer: object) -> None:
    whole = f"{said}[end]\n"
    settings = EdgeSettings(authorities=AUTHORITY.pem, peers=(), uid=1)
    for length in range(len(whole)):
        with pytest.raises(UnreachableError, match="its output was cut"):
            ask(HaproxyEdge(Teller(whole, length), settings))
    assert ask(HaproxyEdge(Teller(whole, len(whole)), settings)) == answer
