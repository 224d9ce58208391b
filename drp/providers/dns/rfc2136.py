"""A zone on name servers that take RFC 2136 updates signed with TSIG (BIND, Knot, PowerDNS)."""

from __future__ import annotations

import binascii
import ipaddress
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.tsig
import dns.update

from drp.errors import ConflictError, DeniedError, RejectedError, UnreachableError
from drp.model.inventory import DnsZone
from drp.model.values import Secret
from drp.ports.dns import RecordSet
from drp.providers.dns.messages import (
    add_change,
    build_query,
    normalise,
    parse_answer,
    translate_rcode,
)
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


class Rfc2136Dns:
    """``ports.dns.Dns`` by TCP, a connection a try; ``timeout`` (seconds) from connecting to the answer.

    A question is repeated by ``patience`` when nobody answers; a change is not: it may have been done.
    """

    def __init__(
        self, zone: DnsZone, key: Secret, *, timeout: float = 5.0, patience: Patience = USUAL
    ) -> None:
        """``key`` is JSON ``{"name": …, "algorithm": …, "secret": base64}``.

        Raises DeniedError when it is not, RejectedError for a server that is no address.
        """
        self._zone = zone
        self._key = _parse_key(zone, key)
        self._timeout = timeout
        self._patience = patience
        self._servers = {text: parse_server(text) for text in zone.servers}

    def zone(self) -> str:
        return self._zone.zone

    def servers(self) -> tuple[str, ...]:
        return self._zone.servers

    def find(self, name: str, record_type: str) -> RecordSet | None:
        query = build_query(name, record_type)
        query.use_tsig(self._key)
        return self._patience.call(self._read, query, self._primary, name, record_type)

    def ask(self, server: str, name: str, record_type: str) -> RecordSet | None:
        # unsigned: what everybody sees, and a secondary need not know the key
        if server not in self._servers:
            what = f"cannot read {record_type} records of '{name}'"
            raise RejectedError(f"{what}: '{server}' is no name server of zone '{self.zone()}'")
        query = build_query(name, record_type)
        return self._patience.call(self._read, query, self._servers[server], name, record_type)

    def _read(
        self, query: dns.message.Message, server: Server, name: str, record_type: str
    ) -> RecordSet | None:
        answer = self._send(query, server, f"cannot read {record_type} records of '{name}'")
        return parse_answer(answer, name, record_type)

    def replace(self, old: RecordSet | None, new: RecordSet | None) -> None:
        if old is None and new is None:
            return
        what = f"cannot change '{(new or old).name}'"  # type: ignore[union-attr]
        update = dns.update.UpdateMessage(f"{self.zone()}.", keyring=self._key)
        add_change(update, old, new)
        answer = self._send(update, self._primary, what)
        if answer.rcode() != dns.rcode.NOERROR:
            raise translate_rcode(answer.rcode(), what)
        self._check_done(old, new, what)

    def _check_done(self, old: RecordSet | None, new: RecordSet | None, what: str) -> None:
        # NOERROR does not mean done: a server may skip what it cannot do and say so to nobody
        if new is not None and self.find(new.name, new.type) != normalise(new):
            raise ConflictError(f"{what}: the server took the change, but answers something else")
        moved = new is None or (old is not None and (old.name, old.type) != (new.name, new.type))
        if old is not None and moved and self.find(old.name, old.type) is not None:
            raise ConflictError(f"{what}: the server took the change, but the old records are still there")

    @property
    def _primary(self) -> Server:
        return self._servers[self._zone.servers[0]]

    def _send(self, message: dns.message.Message, server: Server, what: str) -> dns.message.Message:
        with _translated(what, server):
            # a signed question makes dnspython refuse an answer without a signature
            return dns.query.tcp(message, server.address, self._timeout, server.port)


def parse_server(text: str) -> Server:
    """``192.0.2.53``, ``192.0.2.53#5353``, ``192.0.2.53:5353``, ``2001:db8::1#53``. Raises RejectedError."""
    separator = "#" if "#" in text or text.count(":") > 1 else ":"
    address, _, port = text.partition(separator)
    try:
        return Server(text=text, address=str(ipaddress.ip_address(address)), port=int(port or PORT))
    except ValueError as cause:
        raise RejectedError(f"cannot use name server '{text}': it is no IP address") from cause


def _parse_key(zone: DnsZone, key: Secret) -> dns.tsig.Key:
    try:
        fields = json.loads(key.reveal())
        return dns.tsig.Key(
            dns.name.from_text(fields["name"]), fields["secret"], dns.name.from_text(fields["algorithm"])
        )
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error, dns.exception.DNSException):
        # not chained: the cause would carry the secret's text
        raise DeniedError(
            f"cannot use zone '{zone.name}': its key is not JSON with name, algorithm and secret"
        ) from None


@contextmanager
def _translated(what: str, server: Server) -> Iterator[None]:
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
