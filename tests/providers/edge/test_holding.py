"""Requests that wait at a real edge, and what is counted."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from drp.ports.edges import Route
from drp.testing.contract_edges import AUTHORITY
from tests.providers.edge.local import LocalEdge, running_edge
from tests.providers.edge.traffic import Api, Client, Load, api, ask, connect
from tests.providers.servers import wait_until

pytestmark = pytest.mark.servers

LONG = timedelta(minutes=2)
PAY = "POST /pay HTTP/1.1\r\nHost: {name}\r\nContent-Length: 2\r\n\r\n12"


@pytest.fixture
def one(edge_a: LocalEdge, name: str) -> Iterator[Api]:
    """The API that the name is routed to."""
    with api("one") as made:
        edge_a.edge.set_route(name, Route("local", made.target))
        yield made


@contextmanager
def held(edge: LocalEdge, name: str, limit: timedelta = LONG) -> Iterator[None]:
    edge.edge.hold(name, limit)
    try:
        yield
    finally:
        edge.edge.release(name)


def test_a_move_under_load_fails_no_request(edge_a: LocalEdge, name: str, one: Api) -> None:
    with api("two") as two, Load(edge_a, name) as load:
        wait_until(lambda: len(load.answers) > 50)
        edge_a.edge.hold(name, LONG)
        wait_until(lambda: edge_a.edge.requests_in_flight(name) == 0)
        answered, asked = len(load.answers), len(one.seen)
        edge_a.edge.set_route(name, Route("local", two.target))
        assert (len(one.seen), len(two.seen)) == (asked, 0)
        edge_a.edge.release(name)
        wait_until(lambda: len(load.answers) > answered + 50)
    assert load.failures == []
    assert len(one.seen) == asked
    assert set(load.answers[answered + 6 :]) == {"two"}


def test_a_move_to_another_edge_under_load_fails_no_request(
    edge_a: LocalEdge, edge_b: LocalEdge, name: str, one: Api
) -> None:
    edges = (edge_a, edge_b)
    edge_b.edge.set_route(name, Route("edge", edge_a.target))
    with api("far") as far, Load(edge_a, name) as near, Load(edge_b, name) as away:
        wait_until(lambda: min(len(near.answers), len(away.answers)) > 50)
        # requests forwarded by B wait at A: they come back to B when they are released
        for each in edges:
            each.edge.hold(name, LONG)
        wait_until(lambda: not any(each.edge.requests_in_flight(name) for each in edges))
        asked = len(one.seen)
        edge_b.edge.set_route(name, Route("local", far.target))
        edge_a.edge.set_route(name, Route("edge", edge_b.target))
        for each in edges:
            each.edge.release(name)
        wait_until(lambda: near.answers[-1:] == away.answers[-1:] == ["far"])
    assert near.failures == []
    assert away.failures == []
    assert len(one.seen) == asked


def test_a_held_request_goes_where_the_route_says_at_release(edge_a: LocalEdge, name: str, one: Api) -> None:
    with ThreadPoolExecutor() as pool:
        edge_a.edge.hold(name, LONG)
        answer = pool.submit(ask, edge_a, name)
        wait_until(lambda: edge_a.connections() > 0)
        edge_a.edge.set_route(name, Route("closed"))
        edge_a.edge.release(name)
        assert answer.result()[0] == 503
    assert not one.seen


def test_other_names_do_not_wait(edge_a: LocalEdge, name: str, one: Api) -> None:
    edge_a.edge.set_certificate("other.example.test", AUTHORITY.issue("other.example.test"))
    edge_a.edge.set_route("other.example.test", Route("local", one.target))
    with held(edge_a, name):
        assert ask(edge_a, "other.example.test")[0] == 200


def test_nobody_waits_longer_than_the_limit(edge_a: LocalEdge, name: str, one: Api) -> None:
    client = Client(edge_a, name)
    with held(edge_a, name, timedelta(milliseconds=300)):
        status, headers, body = client.ask()
        assert (status, headers["retry-after"], body) == (503, "5", "held for too long\n")
        # each request has the limit for itself, and its connection stays good
        assert client.ask()[0] == 503
        assert not one.seen
    assert client.ask()[0] == 200


def test_the_limit_is_longer_than_an_idle_connection_may_be(tmp_path: Path) -> None:
    name = "acme.example.test"
    with running_edge(tmp_path, "127.0.0.4", idle_s=1) as edge, api("one") as one:
        edge.edge.set_certificate(name, AUTHORITY.issue(name))
        edge.edge.set_route(name, Route("local", one.target))
        edge.edge.hold(name, LONG)
        with ThreadPoolExecutor() as pool:
            answer = pool.submit(ask, edge, name)
            wait_until(lambda: edge.uptime() >= 3)
            assert not answer.done()
            edge.edge.release(name)
            assert answer.result()[0] == 200


@pytest.mark.parametrize("end", ["ended", "reset"])
def test_a_client_that_gives_up_is_not_served_afterwards(
    edge_a: LocalEdge, name: str, one: Api, end: str
) -> None:
    with held(edge_a, name):
        stream = connect(edge_a, name)
        stream.sendall(PAY.format(name=name).encode())
        wait_until(lambda: edge_a.connections() > 0)
        if end == "ended":
            stream.shutdown(socket.SHUT_WR)
        else:
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            stream.close()
        wait_until(lambda: edge_a.connections() == 0)
        assert not one.seen
    assert ask(edge_a, name, "/after")[0] == 200
    wait_until(lambda: edge_a.connections() == 0)
    stream.close()
    assert [seen.path for seen in one.seen] == ["/after"]


def test_what_was_passed_on_is_counted_until_it_is_answered(edge_a: LocalEdge, name: str, one: Api) -> None:
    edge, client = edge_a.edge, Client(edge_a, name)
    one.gate.clear()
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(client.ask)
        wait_until(lambda: len(one.seen) == 1)
        assert (edge.requests_in_flight(name), edge.requests_total(name)) == (1, 0)
        one.gate.set()
        assert answer.result()[0] == 200
    # the client's connection is kept, and counts for nothing
    wait_until(lambda: edge.requests_in_flight(name) == 0)
    assert edge.requests_total(name) == 1
    assert client.ask()[0] == 200
    wait_until(lambda: edge.requests_total(name) == 2)


def test_a_held_request_was_not_passed_on(edge_a: LocalEdge, name: str, one: Api) -> None:
    with ThreadPoolExecutor() as pool:
        edge_a.edge.hold(name, LONG)
        answer = pool.submit(ask, edge_a, name)
        wait_until(lambda: edge_a.connections() > 0)
        assert edge_a.edge.requests_in_flight(name) == 0
        edge_a.edge.release(name)
        assert answer.result()[0] == 200


def test_a_request_whose_client_ended_its_side_is_still_in_flight(
    edge_a: LocalEdge, name: str, one: Api
) -> None:
    one.gate.clear()
    stream = connect(edge_a, name)
    stream.sendall(PAY.format(name=name).encode())
    wait_until(lambda: len(one.seen) == 1)
    stream.shutdown(socket.SHUT_WR)
    # the proxy has seen the end when it has answered requests that came after it
    assert ask(edge_a, name, Host="elsewhere")[0] == ask(edge_a, name, Host="elsewhere")[0] == 421
    assert edge_a.edge.requests_in_flight(name) == 1
    one.gate.set()
    wait_until(lambda: edge_a.edge.requests_in_flight(name) == 0)
    stream.close()
