"""What an edge says, and the PEM texts it is given: the pure parts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from drp.errors import RejectedError, UnreachableError
from drp.model.values import Secret
from drp.ports.edges import Route
from drp.providers.edge.certificates import normalise_pem
from drp.providers.edge.state import parse_route, parse_state, render_route
from drp.testing.certificates import fingerprint_of
from drp.testing.contract_edges import AUTHORITY

NAME = "acme.example.test"
SHOWN = """[routes]
0x55b8 acme.example.test local:192.0.2.1:8080:acme-e0007
0x55b9 globex.example.test closed

[held]
0x55ba acme.example.test 90.000

[fenced]
0x55bb initech.example.test 1

[passed_on]
# table: passed_on, type: string, size:102400, used:2
0x7f01: key=acme.example.test use=1 exp=0 shard=0 conn_cur=3 http_req_cnt=10
0x7f02: key=globex.example.test use=0 exp=0 shard=0 conn_cur=0 http_req_cnt=4

[in_flight]
# table: in_flight, type: string, size:102400, used:1
0x7f03: key=acme.example.test use=1 exp=0 shard=0 conn_cur=2

[seen]
# table: seen, type: string, size:102400, used:2
0x7f04: key=acme.example.test use=1 exp=1727990000 shard=0 http_req_cnt=10
0x7f05: key=globex.example.test use=0 exp=1727990000 shard=0 http_req_cnt=4

[info]
Uptime_sec: 60

[until]
proc.until: type=sint value=<1793880000123>
"""


def test_a_state_is_read() -> None:
    state = parse_state(SHOWN)
    assert state.routes == {
        NAME: Route("local", "192.0.2.1:8080", "acme-e0007"),
        "globex.example.test": Route("closed"),
    }
    assert state.held == {NAME: 90.0}
    assert state.fenced == {"initech.example.test"}
    assert state.until == datetime(2026, 11, 5, 12, 0, 0, 123000, UTC)
    assert state.in_flight == {NAME: 2}
    assert state.answered == {NAME: 7, "globex.example.test": 4}
    # 20 days less what is left; one that is not answered yet counts as just now
    assert state.quiet_for("globex.example.test") == timedelta(seconds=10)
    assert state.quiet_for(NAME) == timedelta(0)
    assert state.quiet_for("never.example.test") == timedelta(minutes=1)


def test_a_proxy_that_does_not_tell_since_when_it_runs_is_not_believed() -> None:
    with pytest.raises(UnreachableError, match="since when it runs"):
        parse_state(SHOWN.replace("Uptime_sec: 60", ""))


@pytest.mark.parametrize(
    "route",
    [
        Route("local", "192.0.2.1:8080"),
        Route("local", "192.0.2.1:8080", "acme-e0007"),
        Route("edge", "192.0.2.1:443"),
        Route("closed"),
    ],
)
def test_a_route_is_written_and_read(route: Route) -> None:
    assert parse_route(render_route(route)) == route


def test_a_route_that_is_not_drps_is_not_guessed() -> None:
    with pytest.raises(RejectedError, match=r"'remote:192\.0\.2\.1:80' is no route"):
        parse_route("remote:192.0.2.1:80")


def test_a_pem_is_cleaned_of_what_stands_between_its_blocks() -> None:
    pem = AUTHORITY.issue(NAME)
    spread = (
        pem.reveal().replace(b"-----\n-----", b"-----\n\n  Subject: CN=x\n\n-----").replace(b"\n", b"\r\n")
    )
    content, fingerprint = normalise_pem(NAME, Secret(b"# a note\n\n" + spread))
    assert content.reveal() == pem.reveal()
    assert fingerprint == fingerprint_of(pem)


def test_a_wildcard_covers_one_label() -> None:
    pem = AUTHORITY.issue("*.example.test")
    assert normalise_pem(NAME, pem)[1] == fingerprint_of(pem)
    for name in ("example.test", "www.acme.example.test"):
        with pytest.raises(RejectedError, match=r"it is for \*\.example\.test"):
            normalise_pem(name, pem)
