"""A real edge that is not permitted to answer, or fenced by its guard."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drp.ports.edges import Route
from drp.testing.contract_edges import AUTHORITY
from tests.providers.edge.local import LocalEdge, running_edge
from tests.providers.edge.traffic import api, ask
from tests.providers.servers import wait_until

pytestmark = pytest.mark.servers

NAME = "acme.example.test"
FAR = "globex.example.test"


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEdge]:
    with running_edge(tmp_path_factory.mktemp("fenced"), "127.0.0.4") as made:
        made.edge.set_certificate(NAME, AUTHORITY.issue(NAME))
        made.edge.set_certificate(FAR, AUTHORITY.issue(FAR))
        yield made


@pytest.fixture(autouse=True)
def permitted(edge: LocalEdge) -> Iterator[None]:
    yield
    permit(edge, 3600)
    edge.runtime(f"clear map {edge.settings.config}/fenced.map")


def permit(edge: LocalEdge, seconds: float) -> None:
    edge.edge.permit(datetime.now(UTC) + timedelta(seconds=seconds))


def test_without_permission_no_request_is_taken(edge: LocalEdge) -> None:
    with api("one") as one:
        edge.edge.set_route(NAME, Route("local", one.target))
        permit(edge, -1)
        status, headers, body = ask(edge, NAME)
        assert (status, headers["retry-after"], body) == (503, "5", "not permitted\n")
        assert one.seen == []
        permit(edge, 60)
        assert ask(edge, NAME)[0] == 200


def test_an_answer_after_the_permission_has_ended_is_withheld(edge: LocalEdge) -> None:
    with api("one") as one:
        edge.edge.set_route(NAME, Route("local", one.target))
        one.gate.clear()
        answers: list[int] = []
        asking = threading.Thread(target=lambda: answers.append(ask(edge, NAME)[0]))
        asking.start()
        wait_until(lambda: len(one.seen) == 1)
        permit(edge, -1)
        one.gate.set()
        asking.join(20)
        assert answers == [503]


def test_a_proxy_that_was_stopped_beyond_its_permission_neither_takes_nor_answers(edge: LocalEdge) -> None:
    with api("one") as one:
        edge.edge.set_route(NAME, Route("local", one.target))
        one.gate.clear()
        answers: list[int] = []
        asking = [threading.Thread(target=lambda: answers.append(ask(edge, NAME)[0])) for _ in "ab"]
        asking[0].start()
        wait_until(lambda: len(one.seen) == 1)
        permit(edge, 0.5)
        worker = int(edge.runtime("show info").split("\nPid: ")[1].split()[0])
        os.kill(worker, signal.SIGSTOP)
        asking[1].start()
        time.sleep(1)
        one.gate.set()
        os.kill(worker, signal.SIGCONT)
        for each in asking:
            each.join(20)
        assert answers == [503, 503]
        assert len(one.seen) == 1


def test_a_fenced_name_is_closed_and_the_others_are_not(edge: LocalEdge) -> None:
    with api("one") as one:
        for name in (NAME, FAR):
            edge.edge.set_route(name, Route("local", one.target))
        edge.runtime(f"add map {edge.settings.config}/fenced.map {NAME} 1")
        assert (ask(edge, NAME)[0], ask(edge, FAR)[0]) == (503, 200)
        assert edge.edge.fenced() == {NAME}


def test_where_another_edge_answers_no_permission_is_needed(edge: LocalEdge, tmp_path: Path) -> None:
    with api("far") as far, running_edge(tmp_path / "far", "127.0.0.5", peers=("127.0.0.1",)) as other:
        other.edge.set_certificate(NAME, AUTHORITY.issue(NAME))
        other.edge.set_route(NAME, Route("local", far.target))
        edge.edge.set_route(NAME, Route("edge", other.target))
        permit(edge, -1)
        assert ask(edge, NAME)[0] == 200


def test_permission_and_fences_outlive_a_reload(edge: LocalEdge) -> None:
    edge.runtime(f"add map {edge.settings.config}/fenced.map {NAME} 1")
    permit(edge, 600)
    before = edge.edge.permitted_until()
    edge.edge.install()
    assert (edge.edge.permitted_until(), edge.edge.fenced()) == (before, frozenset({NAME}))


def test_a_proxy_that_starts_has_no_permission(edge: LocalEdge) -> None:
    with api("one") as one:
        edge.edge.set_route(NAME, Route("local", one.target))
        edge.stop()
        edge.start(permitted=False)
        assert edge.edge.permitted_until() is None
        assert ask(edge, NAME)[0] == 503
