"""What every edge must do. Subclass in a test module and say how an edge is reached."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from drp.errors import RejectedError, UnreachableError
from drp.model.values import Secret
from drp.ports.edges import Edge, Route
from drp.testing.certificates import Authority, fingerprint_of

AUTHORITY = Authority(begin=datetime.now(UTC).replace(microsecond=0) - timedelta(days=1))
"""Real edges are made with this one as the authority they trust."""

LOCAL = Route("local", "192.0.2.10:8080", "tenant-e0007")
ELSEWHERE = Route("edge", "198.51.100.9:443")
CLOSED = Route("closed")
LIMIT = timedelta(seconds=90)

_NUMBERS = count(1)


class EdgesContract:
    """Tests use names of their own, so all may share one edge. It is installed and runs."""

    def make_edge(self) -> Edge:
        """A running edge."""
        raise NotImplementedError

    def make_silent(self) -> Edge:
        """An edge whose proxy does not answer."""
        raise NotImplementedError

    @pytest.fixture
    def edge(self) -> Edge:
        return self.make_edge()

    @pytest.fixture
    def names(self) -> Iterator[str]:
        return (f"name-{number}.example.test" for number in _NUMBERS)

    @pytest.fixture
    def name(self, names: Iterator[str]) -> str:
        return next(names)

    def test_it_is_installed(self, edge: Edge) -> None:
        assert edge.is_installed()

    @pytest.mark.parametrize("route", [LOCAL, ELSEWHERE, CLOSED])
    def test_a_route_is_set_and_read(self, edge: Edge, name: str, route: Route) -> None:
        assert edge.find_route(name) is None
        edge.set_route(name, route)
        assert edge.find_route(name) == route
        assert edge.routes()[name] == route

    def test_a_route_is_changed_and_removed(self, edge: Edge, name: str) -> None:
        for route in (LOCAL, ELSEWHERE, CLOSED, CLOSED, None, None, LOCAL):
            edge.set_route(name, route)
            assert edge.find_route(name) == route

    def test_one_name_leaves_the_others_alone(self, edge: Edge, names: Iterator[str]) -> None:
        first, second, under = next(names), next(names), f"www.{next(names)}"
        edge.set_route(first, LOCAL)
        edge.set_route(under, CLOSED)
        edge.set_route(second, ELSEWHERE)
        edge.set_route(first, None)
        assert edge.find_route(second) == ELSEWHERE
        assert edge.find_route(under) == CLOSED
        assert edge.find_route(under.removeprefix("www.")) is None

    def test_names_that_look_alike_are_told_apart(self, edge: Edge, name: str) -> None:
        alike = f"x.{name}", f"x-{name}"
        pems = [AUTHORITY.issue(each) for each in alike]
        for each, pem in zip(alike, pems, strict=True):
            edge.set_route(each, LOCAL)
            edge.set_certificate(each, pem)
        edge.set_route(alike[0], CLOSED)
        edge.hold(alike[0], LIMIT)
        assert [edge.find_route(each) for each in alike] == [CLOSED, LOCAL]
        assert [edge.is_held(each) for each in alike] == [True, False]
        for each, pem in zip(alike, pems, strict=True):
            assert edge.has_certificate(each, fingerprint_of(pem))
        edge.release(alike[1])
        edge.set_route(alike[0], None)
        edge.remove_certificate(alike[0])
        assert [edge.find_route(each) for each in alike] == [None, LOCAL]
        assert edge.has_certificate(alike[1], fingerprint_of(pems[1]))
        edge.release(alike[0])

    @pytest.mark.parametrize("target", ["", "192.0.2.10", "somewhere"])
    def test_a_target_is_an_address_and_a_port(self, edge: Edge, name: str, target: str) -> None:
        with pytest.raises(RejectedError, match=f"cannot route to '{target}': it is no address and port"):
            edge.set_route(name, Route("local", target))
        assert edge.find_route(name) is None

    def test_a_name_is_held_and_released(self, edge: Edge, names: Iterator[str]) -> None:
        name, other = next(names), next(names)
        assert not edge.is_held(name)
        edge.hold(name, LIMIT)
        edge.hold(name, timedelta(milliseconds=1500))
        assert (edge.is_held(name), edge.is_held(other)) == (True, False)
        edge.release(other)
        edge.release(name)
        edge.release(name)
        assert not edge.is_held(name)

    def test_a_hold_is_no_route(self, edge: Edge, name: str) -> None:
        edge.hold(name, LIMIT)
        edge.set_route(name, LOCAL)
        edge.set_route(name, ELSEWHERE)
        assert edge.is_held(name)
        edge.release(name)
        assert edge.find_route(name) == ELSEWHERE

    def test_a_certificate_is_presented_until_it_is_removed(self, edge: Edge, name: str) -> None:
        pem = AUTHORITY.issue(name)
        assert not edge.has_certificate(name, fingerprint_of(pem))
        edge.set_certificate(name, pem)
        edge.set_certificate(name, pem)
        assert edge.has_certificate(name, fingerprint_of(pem))
        edge.remove_certificate(name)
        edge.remove_certificate(name)
        assert not edge.has_certificate(name, fingerprint_of(pem))
        edge.set_certificate(name, pem)
        assert edge.has_certificate(name, fingerprint_of(pem))

    def test_a_certificate_is_renewed(self, edge: Edge, names: Iterator[str]) -> None:
        name, other = next(names), next(names)
        old, new = AUTHORITY.issue(name, other), AUTHORITY.issue(name, other, mark="new")
        edge.set_certificate(name, old)
        edge.set_certificate(other, old)
        edge.set_certificate(name, new)
        assert edge.has_certificate(name, fingerprint_of(new))
        assert not edge.has_certificate(name, fingerprint_of(old))
        assert edge.has_certificate(other, fingerprint_of(old))

    def test_what_is_no_certificate_is_refused_and_not_shown(self, edge: Edge, name: str) -> None:
        good = AUTHORITY.issue(name)
        edge.set_certificate(name, good)
        chain = good.reveal().partition(b"-----BEGIN PRIVATE")[0]
        stranger = AUTHORITY.issue(name, mark="stranger").reveal()
        other_key = chain + stranger[stranger.index(b"-----BEGIN PRIVATE") :]
        for bad in (b"", b"hunter2", chain, other_key, AUTHORITY.issue("elsewhere.test").reveal()):
            with pytest.raises(
                RejectedError, match=f"cannot install the certificate of '{name}': "
            ) as caught:
                edge.set_certificate(name, Secret(bad))
            assert "hunter2" not in caught.value.message
        assert edge.has_certificate(name, fingerprint_of(good))

    def test_nothing_is_counted_before_it_happens(self, edge: Edge, name: str) -> None:
        edge.set_route(name, LOCAL)
        assert (edge.requests_in_flight(name), edge.requests_total(name)) == (0, 0)

    def test_names_that_nobody_asked_for_are_quiet_since_the_edge_started(
        self, edge: Edge, names: Iterator[str]
    ) -> None:
        first, second = next(names), next(names)
        edge.set_route(first, LOCAL)
        quiet = edge.quiet_for(first)
        assert timedelta(0) <= quiet <= edge.quiet_for(second)

    def test_a_permission_is_given_and_read(self, edge: Edge) -> None:
        before = edge.permitted_until()
        until = datetime(2031, 3, 4, 5, 6, 7, 89000, UTC)
        edge.permit(until)
        assert edge.permitted_until() == until
        edge.permit(before or until)
        assert edge.fenced() == frozenset()

    def test_no_answer_is_no_missing_route(self, name: str) -> None:
        silent = self.make_silent()
        for call in (silent.routes, lambda: silent.find_route(name), lambda: silent.is_held(name)):
            with pytest.raises(UnreachableError) as caught:
                call()
            assert caught.value.transient
        with pytest.raises(UnreachableError):
            silent.has_certificate(name, "")
        with pytest.raises(UnreachableError):
            silent.set_route(name, LOCAL)
        with pytest.raises(UnreachableError):
            silent.requests_in_flight(name)
        with pytest.raises(UnreachableError):
            silent.quiet_for(name)
