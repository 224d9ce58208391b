"""Rfc2136Dns against name servers that lie, keep silent or are told to fail."""

from __future__ import annotations

import socket
import struct
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.tsig
import pytest

from drp.errors import ConflictError, DeniedError, DrpError, RejectedError, UnreachableError
from drp.model.values import Secret
from drp.ports.dns import RecordSet
from drp.providers.dns.name_servers import parse_server
from drp.providers.dns.rfc2136 import Rfc2136Dns
from tests.providers.dns.bind import KEY, make_key, make_zone

NAME = "acme.example.test"
NEW = RecordSet(name=NAME, type="A", ttl=60, values=("192.0.2.10",))
RING = {dns.name.from_text("drp"): dns.tsig.Key("drp.", KEY, "hmac-sha256.")}

Respond = Callable[[dns.message.Message], dns.message.Message | None]


@contextmanager
def server(respond: Respond) -> Iterator[Rfc2136Dns]:
    """A name server on loopback that answers what ``respond`` makes of each message (None: silence)."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_serve, args=(listener, respond), daemon=True).start()
        yield Rfc2136Dns(make_zone(f"127.0.0.1#{listener.getsockname()[1]}"), make_key(), timeout=0.5)


def _serve(listener: socket.socket, respond: Respond) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            wire = connection.recv(65535)
            answer = respond(dns.message.from_wire(wire[2:], keyring=RING))
            if answer is None:
                connection.recv(1)  # until the client gives up
            else:
                out = answer.to_wire()
                connection.sendall(struct.pack("!H", len(out)) + out)


def say(rcode: dns.rcode.Rcode) -> Callable[[dns.message.Message], dns.message.Message]:
    def respond(message: dns.message.Message) -> dns.message.Message:
        answer = dns.message.make_response(message)
        answer.flags |= dns.flags.AA
        answer.set_rcode(rcode)
        return answer

    return respond


def test_a_server_that_says_done_and_did_nothing_is_found_out() -> None:
    with server(say(dns.rcode.NOERROR)) as zone, pytest.raises(ConflictError) as caught:
        zone.replace(None, NEW)
    assert caught.value.message == (
        f"cannot change '{NAME}': the server took the change, but answers something else"
    )


def test_records_that_should_be_gone_are_looked_for() -> None:
    def keep(message: dns.message.Message) -> dns.message.Message:
        answer = say(dns.rcode.NOERROR)(message)
        if message.question and message.question[0].rdtype == dns.rdatatype.A:
            answer.answer.append(dns.rrset.from_text(f"{NAME}.", 60, "IN", "A", "192.0.2.10"))
        return answer

    with server(keep) as zone, pytest.raises(ConflictError, match="the old records are still there"):
        zone.replace(NEW, None)


def test_an_unsigned_yes_is_not_believed() -> None:
    def unsigned(message: dns.message.Message) -> dns.message.Message:
        answer = say(dns.rcode.NOERROR)(message)
        answer.tsig = None
        return answer

    with server(unsigned) as zone, pytest.raises(RejectedError, match="is broken or not signed"):
        zone.find(NAME, "A")


def test_silence_is_unreachable() -> None:
    with (
        server(lambda message: None) as zone,
        pytest.raises(UnreachableError, match="no answer from name server"),
    ):
        zone.replace(None, NEW)


def test_a_question_outlasts_a_bad_moment_and_a_change_does_not() -> None:
    asked: list[dns.message.Message] = []

    def failing_twice(message: dns.message.Message) -> dns.message.Message | None:
        asked.append(message)
        return say(dns.rcode.NXDOMAIN if len(asked) == 3 else dns.rcode.SERVFAIL)(message)

    with server(failing_twice) as zone:
        assert zone.find(NAME, "A") is None
        assert len(asked) == 3
        with pytest.raises(UnreachableError):
            zone.replace(None, NEW)
    assert len(asked) == 4


@pytest.mark.parametrize(
    ("rcode", "error"),
    [
        (dns.rcode.SERVFAIL, UnreachableError),
        (dns.rcode.REFUSED, DeniedError),
        (dns.rcode.NOTIMP, RejectedError),
        (dns.rcode.YXDOMAIN, ConflictError),
        (dns.rcode.NXRRSET, ConflictError),
    ],
)
def test_each_code_has_its_error(rcode: dns.rcode.Rcode, error: type[DrpError]) -> None:
    with server(say(rcode)) as zone, pytest.raises(DrpError) as caught:
        zone.replace(None, NEW)
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("text", "address", "port"),
    [
        ("192.0.2.53", "192.0.2.53", 53),
        ("192.0.2.53#5353", "192.0.2.53", 5353),
        ("192.0.2.53:5353", "192.0.2.53", 5353),
        ("2001:db8::53", "2001:db8::53", 53),
        ("2001:db8::53#5353", "2001:db8::53", 5353),
    ],
)
def test_servers_may_have_ports(text: str, address: str, port: int) -> None:
    found = parse_server(text)
    assert (found.address, found.port) == (address, port)


@pytest.mark.parametrize("text", ["ns1.example.test", "192.0.2.53#x", "", "192.0.2.300"])
def test_a_server_is_an_address(text: str) -> None:
    with pytest.raises(RejectedError, match="it is no IP address"):
        parse_server(text)


def test_a_bad_key_is_refused_without_showing_it() -> None:
    key = Secret(b'{"name": "drp", "algorithm": "hmac-sha256", "secret": "hunter2!"}')
    with pytest.raises(DeniedError, match="cannot use zone 'main': its key is not JSON") as caught:
        Rfc2136Dns(make_zone("192.0.2.53"), key)
    trace = traceback.format_exception(caught.value)
    assert not [line for line in trace if "hunter2" in line and "Secret(" not in line]


def test_an_unknown_server_is_not_asked() -> None:
    zone = Rfc2136Dns(make_zone("192.0.2.53"), make_key())
    with pytest.raises(RejectedError, match=r"'192\.0\.2\.54' is no name server of zone 'example\.test'"):
        zone.ask("192.0.2.54", NAME, "A")
