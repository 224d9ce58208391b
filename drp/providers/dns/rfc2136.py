"""A zone on name servers that take RFC 2136 updates signed with TSIG (BIND, Knot, PowerDNS)."""

from __future__ import annotations

import binascii
import json
from collections.abc import Sequence
from typing import Final

import dns.exception
import dns.name
import dns.rcode
import dns.tsig
import dns.update

from drp.errors import DeniedError, ProviderError
from drp.model.inventory import DnsZone
from drp.model.values import Secret
from drp.ports.dns import Change, RecordSet
from drp.providers.dns.messages import add_change, build_query, normalise, translate_rcode
from drp.providers.dns.name_servers import NameServers
from drp.providers.dns.pieces import Pieces, describe, read_back
from drp.providers.patience import USUAL, Patience

_MOST: Final = 400
"""Changes in one message: with names of any usual length they stay below the 64 KiB it may have."""


class Rfc2136Dns:
    """``ports.dns.Dns`` by TCP; ``timeout`` (seconds) from connecting to the answer.

    A question is repeated by ``patience`` when nobody answers; a change is not: it may have been done.
    Many changes go in one message, with what must be there as its prerequisites: so all or none is done.
    """

    def __init__(
        self, zone: DnsZone, key: Secret, *, timeout: float = 5.0, patience: Patience = USUAL
    ) -> None:
        """``key`` is JSON ``{"name": …, "algorithm": …, "secret": base64}``.

        Raises DeniedError when it is not, RejectedError for a server that is no address.
        """
        self._zone = zone
        self._key = _parse_key(zone, key)
        self._patience = patience
        self._servers = NameServers(zone.zone, zone.servers, timeout=timeout, patience=patience)

    def zone(self) -> str:
        return self._zone.zone

    def servers(self) -> tuple[str, ...]:
        return self._zone.servers

    def find(self, name: str, record_type: str) -> RecordSet | None:
        return self.find_all([(name, record_type)])[0]

    def find_all(self, questions: Sequence[tuple[str, str]]) -> list[RecordSet | None]:
        return self._patience.call(self._find_all, questions) if questions else []

    def ask(self, server: str, name: str, record_type: str) -> RecordSet | None:
        return self._servers.ask(server, name, record_type)

    def replace(self, old: RecordSet | None, new: RecordSet | None) -> None:
        for refusal in self.replace_all([(old, new)]):
            if refusal is not None:
                raise refusal

    def replace_all(self, changes: Sequence[Change]) -> list[ProviderError | None]:
        results = Pieces(self._update, most=_MOST).send_all(changes)
        # NOERROR does not mean done: a server may skip what it cannot do and say so to nobody
        return read_back(changes, results, self.find_all, normalise)

    def _find_all(self, questions: Sequence[tuple[str, str]]) -> list[RecordSet | None]:
        name, record_type = questions[0]
        found = []
        with self._servers.connect(
            self._servers.primary, f"cannot read {record_type} records of '{name}'"
        ) as connection:
            for name, record_type in questions:
                query = build_query(name, record_type)
                query.use_tsig(self._key)
                found.append(self._servers.read(query, self._servers.primary, name, record_type, connection))
        return found

    def _update(self, changes: Sequence[Change]) -> None:
        update = dns.update.UpdateMessage(f"{self.zone()}.", keyring=self._key)
        for old, new in changes:
            add_change(update, old, new)
        answer = self._servers.send(update, self._servers.primary, describe(changes))
        if answer.rcode() != dns.rcode.NOERROR:
            raise translate_rcode(answer.rcode(), describe(changes))


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
