"""The fakes of probes, failures and clock behave as the world they stand for."""

from __future__ import annotations

import copy
from datetime import timedelta

import pytest

from drp.errors import RejectedError, UnreachableError
from drp.ports.edges import Route
from drp.ports.probes import Answer
from drp.testing.certificates import Authority, fingerprint_of
from drp.testing.clock import START, ManualClock
from drp.testing.edges import FakeEdge
from drp.testing.probes import FakeProbes

NAME = "acme.example.test"
HERE, THERE = "192.0.2.10", "198.51.100.90"
AUTHORITY = Authority()
PEM = AUTHORITY.issue(NAME, days=30)
SECOND = timedelta(seconds=1)
FORWARD = {HERE: Route("edge", f"{THERE}:443"), THERE: Route("edge", f"{HERE}:443")}


@pytest.fixture
def probes() -> FakeProbes:
    made = FakeProbes({HERE: FakeEdge(), THERE: FakeEdge()}, ManualClock(), authority=AUTHORITY)
    for edge in made.edges.values():
        edge.set_certificate(NAME, PEM)
    return made


def status(probes: FakeProbes, address: str = HERE) -> int:
    return probes.get(address, NAME, "/", SECOND).status


def test_a_handshake_is_that_of_the_certificate(probes: FakeProbes) -> None:
    shown = probes.handshake(HERE, 443, NAME)
    assert (shown.fingerprint, shown.names) == (fingerprint_of(PEM), (NAME,))
    assert shown.not_after == START + timedelta(days=29)


@pytest.mark.parametrize(
    ("pem", "cause"),
    [
        (Authority("stranger").issue(NAME), "is from an unknown authority"),
        (AUTHORITY.issue(NAME, begin=START + timedelta(days=1)), "is out of its dates"),
    ],
)
def test_a_bad_certificate_is_refused(probes: FakeProbes, pem: object, cause: str) -> None:
    probes.edges[HERE].set_certificate(NAME, pem)  # type: ignore[arg-type]
    with pytest.raises(RejectedError, match=cause):
        probes.handshake(HERE, 443, NAME)


def test_nobody_answers_where_nothing_is(probes: FakeProbes) -> None:
    probes.down.add(THERE)
    for address in (THERE, "203.0.113.1"):
        with pytest.raises(UnreachableError):
            probes.handshake(address, 443, NAME)
    with pytest.raises(UnreachableError):
        probes.handshake(HERE, 8443, NAME)
    probes.edges[HERE].remove_certificate(NAME)
    with pytest.raises(RejectedError, match="the edge has no certificate for it"):
        probes.get(HERE, NAME, "/", SECOND)


def test_an_answer_comes_from_where_the_route_leads(probes: FakeProbes) -> None:
    here, there = probes.edges[HERE], probes.edges[THERE]
    assert status(probes) == 421
    here.set_route(NAME, Route("closed"))
    assert probes.get(HERE, NAME, "/", SECOND).headers == {"retry-after": "5"}
    here.set_route(NAME, FORWARD[HERE])
    there.set_route(NAME, Route("local", "10.0.0.3:8080"))
    assert status(probes) == 503
    probes.answers["10.0.0.3:8080"] = Answer(status=204)
    assert status(probes) == 204
    there.set_route(NAME, FORWARD[THERE])
    assert status(probes) == 508
    probes.down.add(THERE)
    assert status(probes) == 503


def test_a_held_request_waits_for_its_time(probes: FakeProbes) -> None:
    probes.edges[HERE].hold(NAME, timedelta(minutes=1))
    with pytest.raises(UnreachableError, match="no answer in time"):
        status(probes)
    assert probes.clock.monotonic() == 1


def test_failures_come_once_before_or_after_the_effect() -> None:
    edge, lost = FakeEdge(), UnreachableError("lost")
    edge.fail_next("set_route", lost)
    edge.fail_next("set_route", lost, after_effect=True)
    with pytest.raises(UnreachableError):
        edge.set_route(NAME, Route("closed"))
    assert edge.find_route(NAME) is None
    with pytest.raises(UnreachableError):
        edge.set_route(NAME, Route("closed"))
    assert edge.find_route(NAME) == Route("closed")
    edge.set_route(NAME, None)
    assert edge.calls == ["set_route", "find_route", "set_route", "find_route", "set_route"]
    with pytest.raises(AttributeError):
        edge.fail_next("set_rout", lost)


def test_a_world_is_copied_whole(probes: FakeProbes) -> None:
    copied = copy.deepcopy(probes)
    copied.edges[HERE].set_route(NAME, Route("closed"))
    assert (status(copied), status(probes)) == (503, 421)
    assert copied.edges[THERE].dump() == probes.edges[THERE].dump()
    assert copied.edges[HERE].dump() != probes.edges[HERE].dump()


def test_a_clock_moves_when_it_is_told_to() -> None:
    clock = ManualClock()
    clock.wait(timedelta(seconds=5))
    clock.advance(timedelta(hours=1))
    assert (clock.now(), clock.monotonic()) == (START + timedelta(seconds=3605), 3605)
    assert clock.waits == [timedelta(seconds=5)]
    with pytest.raises(ValueError, match="does not go back"):
        clock.advance(timedelta(seconds=-1))


def test_what_listens_is_reached(probes: FakeProbes) -> None:
    probes.down.add(THERE)
    probes.names.add("www.example.net")
    found = {
        place: probes.reaches(place, 443, SECOND) for place in (HERE, THERE, "www.example.net", "nobody")
    }
    assert found == {HERE: True, THERE: False, "www.example.net": True, "nobody": False}
