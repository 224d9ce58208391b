"""NetworkProbes against TLS servers on loopback, good and bad ones."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drp.errors import RejectedError, UnreachableError
from drp.model.values import Secret
from drp.ports.probes import Answer
from drp.providers.probes import NetworkProbes
from drp.testing.certificates import Authority, fingerprint_of
from tests.providers.servers import free_port

NAME = "acme.example.test"
NOW = datetime.now(UTC).replace(microsecond=0)
AUTHORITY = Authority(begin=NOW - timedelta(days=10))
SECOND = timedelta(seconds=1)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Site: dc5\r\n\r\nhi"


@contextmanager
def tls_server(folder: Path, pem: Secret, answer: bytes | None = OK) -> Iterator[int]:
    """Port of a server that answers each connection with these bytes (None: with silence)."""
    (folder / "server.pem").write_bytes(pem.reveal())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_serve, args=(listener, context, answer), daemon=True).start()
        yield listener.getsockname()[1]


def _serve(listener: socket.socket, context: ssl.SSLContext, answer: bytes | None) -> None:
    while True:
        try:
            plain, _ = listener.accept()
        except OSError:
            return
        try:
            with context.wrap_socket(plain, server_side=True) as connection:
                request = connection.recv(65535)
                if answer is None:
                    connection.recv(1)
                elif request:
                    connection.sendall(answer.replace(b"REQUEST", request))
        except OSError:
            pass  # the client went away, as some tests want it to


def probes(port: int = 443) -> NetworkProbes:
    return NetworkProbes(AUTHORITY.pem, port=port)


def test_a_handshake_tells_what_was_presented(tmp_path: Path) -> None:
    pem = AUTHORITY.issue(NAME, "www.acme.example.test", days=20)
    with tls_server(tmp_path, pem) as port:
        seen = probes().handshake("127.0.0.1", port, NAME)
    assert seen.protocol == "TLSv1.3"
    assert seen.fingerprint == fingerprint_of(pem)
    assert seen.names == (NAME, "www.acme.example.test")
    assert (seen.not_before, seen.not_after) == (NOW - timedelta(days=10), NOW + timedelta(days=10))


@pytest.mark.parametrize(
    ("pem", "cause"),
    [
        (AUTHORITY.issue("globex.example.test"), "Hostname mismatch"),
        (AUTHORITY.issue(NAME, days=9), "certificate has expired"),
        (AUTHORITY.issue(NAME, begin=NOW + timedelta(days=1)), "certificate is not yet valid"),
        (Authority("stranger", begin=AUTHORITY.begin).issue(NAME), "self-signed certificate in"),
    ],
)
def test_a_certificate_that_is_not_good_is_refused(tmp_path: Path, pem: Secret, cause: str) -> None:
    with tls_server(tmp_path, pem) as port:
        with pytest.raises(RejectedError, match=f"cannot greet '{NAME}' at '127.0.0.1:{port}': {cause}"):
            probes().handshake("127.0.0.1", port, NAME)
        with pytest.raises(RejectedError, match=cause):
            probes(port).get("127.0.0.1", NAME, "/", SECOND)


def test_the_systems_authorities_do_not_know_ours(tmp_path: Path) -> None:
    with tls_server(tmp_path, AUTHORITY.issue(NAME)) as port, pytest.raises(RejectedError):
        NetworkProbes().handshake("127.0.0.1", port, NAME)


def test_a_page_is_got_at_an_address_in_a_name(tmp_path: Path) -> None:
    answer = b"HTTP/1.1 503 Held\r\nX-Site: dc5\r\n\r\nREQUEST"
    with tls_server(tmp_path, AUTHORITY.issue(NAME), answer) as port:
        seen = probes(port).get("127.0.0.1", NAME, "/health?deep=1", SECOND)
    assert (seen.status, seen.headers) == (503, {"x-site": "dc5"})
    assert seen.body.startswith(b"GET /health?deep=1 HTTP/1.1\r\nHost: acme.example.test\r\n")


def test_nobody_there_is_unreachable() -> None:
    port = free_port()
    with pytest.raises(UnreachableError, match="no answer"):
        probes().handshake("127.0.0.1", port, NAME)
    with pytest.raises(UnreachableError, match="no answer"):
        probes(port).get("127.0.0.1", NAME, "/", SECOND)


def test_a_server_that_speaks_no_tls_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def speak() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"220 smtp.example.test\r\n" * 10)
                connection.recv(65535)

        threading.Thread(target=speak, daemon=True).start()
        with pytest.raises(RejectedError, match="TLS refused"):
            probes().handshake("127.0.0.1", listener.getsockname()[1], NAME)


@pytest.mark.parametrize("answer", [None, b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"])
def test_no_answer_or_half_of_one_is_unreachable(tmp_path: Path, answer: bytes | None) -> None:
    with tls_server(tmp_path, AUTHORITY.issue(NAME), answer) as port, pytest.raises(UnreachableError):
        probes(port).get("127.0.0.1", NAME, "/", timedelta(milliseconds=300))


def test_an_answer_without_end_is_refused(tmp_path: Path) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + b"x" * 2000000
    with (
        tls_server(tmp_path, AUTHORITY.issue(NAME), answer) as port,
        pytest.raises(RejectedError, match="larger than 1 MiB"),
    ):
        probes(port).get("127.0.0.1", NAME, "/", SECOND)


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 abc def\r\n\r\n"])
def test_another_protocol_is_refused(tmp_path: Path, answer: bytes) -> None:
    with (
        tls_server(tmp_path, AUTHORITY.issue(NAME), answer) as port,
        pytest.raises(RejectedError, match="the answer is no HTTP"),
    ):
        probes(port).get("127.0.0.1", NAME, "/", SECOND)


def test_the_environments_proxy_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with tls_server(tmp_path, AUTHORITY.issue(NAME)) as port:
        seen = probes(port).get("127.0.0.1", NAME, "/", SECOND)
    assert seen == Answer(status=200, headers={"content-length": "2", "x-site": "dc5"}, body=b"hi")


def test_what_listens_is_reached_by_address_and_name() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert NetworkProbes().reaches("127.0.0.1", port, timedelta(seconds=2))
        assert NetworkProbes().reaches("localhost", port, timedelta(seconds=2))
    assert not NetworkProbes().reaches("127.0.0.1", port, timedelta(seconds=2))
    assert not NetworkProbes().reaches("nobody.invalid", port, timedelta(seconds=2))
