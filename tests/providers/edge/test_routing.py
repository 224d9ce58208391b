"""Where requests go through real edges, and what they look like when they arrive."""

from __future__ import annotations

import socket
import ssl
import threading
from datetime import timedelta

import pytest

from drp.ports.edges import Route
from drp.testing.certificates import Authority
from drp.testing.contract_edges import AUTHORITY
from tests.providers.edge.local import LocalEdge
from tests.providers.edge.traffic import Client, api, ask, connect
from tests.providers.servers import wait_until

pytestmark = pytest.mark.servers


def test_a_local_route_reaches_the_api(edge_a: LocalEdge, name: str) -> None:
    with api("one") as one:
        edge_a.edge.set_route(name, Route("local", one.target))
        status, headers, body = ask(edge_a, name, "/orders?x=1")
    assert (status, body) == (200, "one")
    assert headers["strict-transport-security"] == "max-age=31536000"
    assert one.seen[0].path == "/orders?x=1"
    assert one.seen[0].headers["host"] == name


def test_what_clients_write_about_themselves_is_not_believed(edge_a: LocalEdge, name: str) -> None:
    with api("one") as one:
        edge_a.edge.set_route(name, Route("local", one.target))
        ask(
            edge_a,
            name,
            X_Forwarded_For="198.51.100.1",
            X_Forwarded_Proto="http",
            X_Forwarded_Host="evil.example.test",
            X_Real_IP="198.51.100.1",
            Forwarded="for=198.51.100.1",
            X_DRP_Forwarded="1",
        )
    got = one.seen[0].headers
    assert (got["x-forwarded-for"], got["x-forwarded-proto"]) == ("127.0.0.1", "https")
    assert not {"forwarded", "x-real-ip", "x-forwarded-host", "x-drp-forwarded"} & got.keys()


def test_an_unknown_name_is_misdirected(edge_a: LocalEdge, name: str) -> None:
    assert ask(edge_a, name)[0] == 421


def test_a_request_in_another_name_than_the_handshakes_is_misdirected(edge_a: LocalEdge, name: str) -> None:
    with api("one") as one:
        edge_a.edge.set_route("other.example.test", Route("local", one.target))
        assert ask(edge_a, name, Host="other.example.test")[0] == 421
    assert not one.seen


def test_a_closed_name_is_told_to_come_back(edge_a: LocalEdge, name: str) -> None:
    edge_a.edge.set_route(name, Route("closed"))
    status, headers, _ = ask(edge_a, name)
    assert (status, headers["retry-after"]) == (503, "5")


def test_an_api_that_is_not_there_is_not_available(edge_a: LocalEdge, name: str) -> None:
    edge_a.edge.set_route(name, Route("local", "127.0.0.1:1"))
    status, headers, _ = ask(edge_a, name)
    assert (status, headers["retry-after"]) == (503, "5")


def test_each_request_goes_where_the_route_says_then(edge_a: LocalEdge, name: str) -> None:
    with api("one") as one, api("two") as two:
        client = Client(edge_a, name)
        for target, wanted in ((one.target, "one"), (two.target, "two"), (one.target, "one")):
            edge_a.edge.set_route(name, Route("local", target))
            assert client.ask()[2] == wanted
        edge_a.edge.set_route(name, None)
        assert client.ask()[0] == 421


def test_an_edge_forwards_to_another_one(edge_a: LocalEdge, edge_b: LocalEdge, name: str) -> None:
    with api("far") as far:
        edge_b.edge.set_route(name, Route("local", far.target))
        edge_a.edge.set_route(name, Route("edge", edge_b.target))
        status, _, body = ask(edge_a, name, "/x", X_Forwarded_For="198.51.100.1")
    assert (status, body) == (200, "far")
    # the first edge does not believe its client; the second one believes the first
    assert far.seen[0].headers["x-forwarded-for"] == "127.0.0.1"
    assert "x-drp-forwarded" not in far.seen[0].headers


def test_another_edge_has_seen_the_client(edge_b: LocalEdge, name: str) -> None:
    with api("far") as far:
        edge_b.edge.set_route(name, Route("local", far.target))
        ask(edge_b, name, X_Forwarded_For="198.51.100.1")
    assert far.seen[0].headers["x-forwarded-for"] == "198.51.100.1"


def test_edges_that_point_at_each_other_end_it(edge_a: LocalEdge, edge_b: LocalEdge, name: str) -> None:
    edge_a.edge.set_route(name, Route("edge", edge_b.target))
    edge_b.edge.set_route(name, Route("edge", edge_a.target))
    assert ask(edge_a, name)[0] == 508
    assert edge_a.edge.requests_in_flight(name) == edge_b.edge.requests_in_flight(name) == 0
    # there, back once (as in the middle of a move), and no further
    wait_until(lambda: edge_a.edge.requests_total(name) == edge_b.edge.requests_total(name) == 1)


@pytest.mark.parametrize("fault", ["authority", "name"])
def test_an_edge_does_not_forward_to_a_stranger(edge_a: LocalEdge, name: str, fault: str) -> None:
    other = Authority("stranger", begin=AUTHORITY.begin) if fault == "authority" else AUTHORITY
    pem = other.issue(name if fault == "authority" else "elsewhere.example.test")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    file = edge_a.folder / "stranger.pem"
    file.write_bytes(pem.reveal())
    context.load_cert_chain(file)
    greeted: list[str] = []
    with socket.create_server(("127.0.0.1", 0), backlog=16) as listener:

        def serve() -> None:
            while True:
                try:
                    with context.wrap_socket(listener.accept()[0], server_side=True) as stream:
                        greeted.append(stream.recv(100).decode())
                except ssl.SSLError:
                    continue
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        edge_a.edge.set_route(name, Route("edge", f"127.0.0.1:{listener.getsockname()[1]}"))
        assert ask(edge_a, name)[0] == 503
    assert not "".join(greeted)


def test_a_request_ends_the_quiet_of_its_name_alone(edge_a: LocalEdge, name: str) -> None:
    other = f"other-{name}"
    with api("one") as one:
        for each in (name, other):
            edge_a.edge.set_route(each, Route("local", one.target))
        wait_until(lambda: edge_a.edge.quiet_for(name) >= timedelta(seconds=1))
        before = edge_a.edge.quiet_for(name)
        ask(edge_a, name)
        assert edge_a.edge.quiet_for(name) < before
        assert edge_a.edge.quiet_for(other) >= before


def test_port_80_sends_everybody_to_tls(edge_a: LocalEdge, name: str) -> None:
    address = (edge_a.settings.address, edge_a.settings.http_port)
    with socket.create_connection(address, timeout=10) as plain:
        plain.sendall(f"GET /a?b=c HTTP/1.1\r\nHost: {name}:80\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: plain.recv(4096), b"")).decode().lower()
    assert answer.startswith("http/1.1 301 ")
    assert f"\r\nlocation: https://{name}/a?b=c\r\n" in answer


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
@pytest.mark.parametrize(
    ("version", "ciphers", "accepted"),
    [
        (ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0", False),
        (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES256-SHA384", False),
        (ssl.TLSVersion.TLSv1_2, "DHE-RSA-AES256-GCM-SHA384", False),
        (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES256-GCM-SHA384", True),
        (ssl.TLSVersion.TLSv1_3, "ALL", True),
    ],
)
def test_only_good_protocols_and_ciphers_are_spoken(
    edge_a: LocalEdge, name: str, version: ssl.TLSVersion, ciphers: str, accepted: bool
) -> None:
    context = ssl.create_default_context(cadata=AUTHORITY.pem)
    context.minimum_version = context.maximum_version = version
    context.set_ciphers(ciphers)
    address = (edge_a.settings.address, edge_a.settings.https_port)
    try:
        with socket.create_connection(address, timeout=10) as plain:
            spoken = context.wrap_socket(plain, server_hostname=name).version() is not None
    except ssl.SSLError:
        spoken = False
    assert spoken is accepted


def test_a_name_without_certificate_gets_no_certificate(edge_a: LocalEdge) -> None:
    with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
        connect(edge_a, "nobody.example.test")
