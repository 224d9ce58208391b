"""The authoritative servers of a zone, asked one by one; as every client may ask them."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import dns.exception
import dns.message
import dns.query
import dns.tsig

from drp.errors import DeniedError, RejectedError, UnreachableError
from drp.ports.dns import RecordSet
from drp.providers.dns.messages import build_query, parse_answer
from drp.providers.patience import USUAL, Patience

PORT: Final = 53

_KEY_ERRORS: Final = (
    dns.tsig.PeerError,
    dns.tsig.BadSignature,
    dns.tsig.BadKey,
    dns.tsig.BadAlgorithm,
    dns.message.UnknownTSIGKey,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """An authoritative server's address, as configured and taken apart."""

    text: str
    address: str
    port: int


class NameServers:
    """By TCP; ``timeout`` (seconds) from connecting to the answer, ``patience`` with who does not answer."""

    def __init__(
        self, zone: str, servers: tuple[str, ...], *, timeout: float = 5.0, patience: Patience = USUAL
    ) -> None:
        """Raises RejectedError for a server that is no address."""
        self._zone = zone
        self._timeout = timeout
        self._patience = patience
        self._servers = {text: parse_server(text) for text in servers}

    @property
    def primary(self) -> Server:
        return next(iter(self._servers.values()))

    def ask(self, server: str, name: str, record_type: str) -> RecordSet | None:
        """Unsigned: what everybody sees, and a secondary need not know the key."""
        if server not in self._servers:
            what = f"cannot read {record_type} records of '{name}'"
            raise RejectedError(f"{what}: '{server}' is no name server of zone '{self._zone}'")
        query = build_query(name, record_type)
        return self._patience.call(self.read, query, self._servers[server], name, record_type)

    def read(
        self,
        query: dns.message.Message,
        server: Server,
        name: str,
        record_type: str,
        connection: socket.socket | None = None,
    ) -> RecordSet | None:
        """Ask once."""
        what = f"cannot read {record_type} records of '{name}'"
        return parse_answer(self.send(query, server, what, connection), name, record_type)

    def send(
        self,
        message: dns.message.Message,
        server: Server,
        what: str,
        connection: socket.socket | None = None,
    ) -> dns.message.Message:
        """The answer to one message, by a connection of its own or the one given; ``what`` begins errors."""
        with translated(what, server):
            # a signed question makes dnspython refuse an answer without a signature
            return dns.query.tcp(message, server.address, self._timeout, server.port, sock=connection)

    @contextmanager
    def connect(self, server: Server, what: str) -> Iterator[socket.socket]:
        """A connection for many messages."""
        with translated(what, server):
            connection = socket.create_connection((server.address, server.port), self._timeout)
        with connection:
            connection.setblocking(False)
            yield connection


def parse_server(text: str) -> Server:
    """``192.0.2.53``, ``192.0.2.53#5353``, ``192.0.2.53:5353``, ``2001:db8::1#53``. Raises RejectedError."""
    separator = "#" if "#" in text or text.count(":") > 1 else ":"
    address, _, port = text.partition(separator)
    try:
        return Server(text=text, address=str(ipaddress.ip_address(address)), port=int(port or PORT))
    except ValueError as cause:
        raise RejectedError(f"cannot use name server '{text}': it is no IP address") from cause


@contextmanager
def translated(what: str, server: Server) -> Iterator[None]:
    """Errors of the network and of DNS as drp's own; ``what`` begins their messages."""
    try:
        yield
    except dns.tsig.PeerBadTime as cause:
        raise DeniedError(
            f"{what}: the clocks of '{server.text}' and of this machine differ by more than 300 s",
            hint="Set this machine's clock, then `drp resume`.",
            page="B9",
        ) from cause
    except _KEY_ERRORS as cause:
        raise DeniedError(
            f"{what}: '{server.text}' does not take the key ({type(cause).__name__})", page="G2"
        ) from cause
    except (dns.exception.Timeout, OSError, EOFError) as cause:
        raise UnreachableError(f"{what}: no answer from name server '{server.text}'", page="G2") from cause
    except dns.exception.DNSException as cause:
        raise RejectedError(f"{what}: '{server.text}' gave an answer that is broken or not signed") from cause
