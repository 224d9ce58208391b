"""A zone at Cloudflare: changed by its API, asked at its name servers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import httpx

from drp.errors import ConflictError, DeniedError, NotFoundError, ProviderError, RejectedError
from drp.model.inventory import DnsZone
from drp.model.values import Secret
from drp.ports.clock import Clock
from drp.ports.dns import Change, RecordSet
from drp.providers.clock import SystemClock
from drp.providers.dns.call_budget import CallBudget, shared_budget
from drp.providers.dns.cloudflare_api import URL, CloudflareApi
from drp.providers.dns.cloudflare_records import Entry, Operations, build_batch, plan_change, to_record_set
from drp.providers.dns.messages import normalise
from drp.providers.dns.name_servers import NameServers
from drp.providers.dns.pieces import Pieces, describe, read_back
from drp.providers.dns.shared_reading import SharedReading
from drp.providers.patience import USUAL, Patience

_FEW: Final = 2
"""Names that are looked up one by one; for more the whole zone is read, thousands of records a call."""


@dataclass(frozen=True, slots=True)
class _Zone:
    """``most``: operations in a batch; ``least_ttl`` in seconds; both depend on the zone's plan."""

    id: str
    most: int
    least_ttl: int


class CloudflareDns:
    """``ports.dns.Dns``; ``timeout`` (seconds) of one DNS question.

    Cloudflare has no compare-and-set: a change is by the records' ids, right after they were read, and read
    back afterwards. Somebody who changes the same record in the moment between is overwritten.
    A name that leads to another one of the same zone is flattened: asked for the CNAME, its servers tell
    nothing, so they are asked whose addresses it has; ``aliases`` are the names it may lead to.
    """

    def __init__(
        self,
        zone: DnsZone,
        key: Secret,
        *,
        aliases: Iterable[str] = (),
        timezone: str = "UTC",
        url: str = URL,
        http: httpx.Client | None = None,
        clock: Clock | None = None,
        budget: CallBudget | None = None,
        timeout: float = 5.0,
        patience: Patience = USUAL,
    ) -> None:
        """``key`` is the API token, alone or as JSON ``{"token": …}``. ``timezone``: that of errors;
        ``http``: connections to use instead of its own.

        Raises DeniedError when it is neither, RejectedError for a server that is no address.
        """
        token = _parse_token(zone, key)
        shared = budget or shared_budget(token, clock or SystemClock(), timezone=timezone)
        self._zone = zone
        self._aliases = tuple(aliases)
        self._api = CloudflareApi(token, shared, url=url, http=http)
        self._patience = patience
        self._servers = NameServers(zone.zone, zone.servers, timeout=timeout, patience=patience)
        self._reading = SharedReading[list[Entry]](self._read)
        self._found: _Zone | None = None
        self._lock = threading.Lock()

    def zone(self) -> str:
        return self._zone.zone

    def servers(self) -> tuple[str, ...]:
        return self._zone.servers

    def find(self, name: str, record_type: str) -> RecordSet | None:
        return self.find_all([(name, record_type)])[0]

    def find_all(self, questions: Sequence[tuple[str, str]]) -> list[RecordSet | None]:
        entries = self._entries(name for name, _ in questions)
        return [to_record_set(entries.get(name.lower(), []), name, kind) for name, kind in questions]

    def ask(self, server: str, name: str, record_type: str) -> RecordSet | None:
        found = self._servers.ask(server, name, record_type)
        return found if found is not None or record_type != "CNAME" else self._ask_flattened(server, name)

    def replace(self, old: RecordSet | None, new: RecordSet | None) -> None:
        for refusal in self.replace_all([(old, new)]):
            if refusal is not None:
                raise refusal

    def replace_all(self, changes: Sequence[Change]) -> list[ProviderError | None]:
        if not changes:
            return []
        zone = self._require_zone(describe(changes))
        entries = self._entries(each.name for change in changes for each in change if each is not None)
        planned = [self._plan(entries, change, zone) for change in changes]
        ready = [each for each in planned if isinstance(each, Operations) and each.size]
        sent = iter(Pieces(self._send, most=zone.most, weigh=_size).send_all(ready))
        results: list[ProviderError | None] = []
        for each in planned:
            if isinstance(each, Operations):
                results.append(next(sent) if each.size else None)
            else:
                results.append(each)
        return read_back(changes, results, self.find_all, normalise)

    def _plan(
        self, entries: Mapping[str, list[Entry]], change: Change, zone: _Zone
    ) -> Operations | ConflictError | RejectedError:
        names = dict.fromkeys(each.name.lower() for each in change if each is not None)
        there = [entry for name in names for entry in entries.get(name, [])]
        try:
            return plan_change(there, change, zone=self.zone(), least_ttl=zone.least_ttl)
        except (ConflictError, RejectedError) as refusal:
            return refusal

    def _send(self, operations: Sequence[Operations]) -> None:
        what = describe([each.change for each in operations])
        zone = self._require_zone(what)
        self._api.post(f"/zones/{zone.id}/dns_records/batch", build_batch(operations), what=what)

    def _entries(self, names: Iterable[str]) -> Mapping[str, list[Entry]]:
        """Records by name in small letters, as they are now or later."""
        asked = {name.lower() for name in names}
        return self._patience.call(self._reading.ask, asked) if asked else {}

    def _read(self, names: frozenset[str]) -> dict[str, list[Entry]]:
        what = f"cannot read records of '{min(names)}'" + (
            f" and {len(names) - 1} more" if len(names) > 1 else ""
        )
        path = f"/zones/{self._require_zone(what).id}/dns_records"
        filters: list[dict[str, str | int]] = [{"name.exact": name} for name in sorted(names)]
        by_name: dict[str, list[Entry]] = {}
        for each in filters if len(names) <= _FEW else [{}]:
            for data in self._api.list(path, each, what=what):
                entry = _parse_entry(data, what)
                by_name.setdefault(entry.name, []).append(entry)
        return by_name

    def _require_zone(self, what: str) -> _Zone:
        """Found by its name, once. Raises NotFoundError when the token sees no such zone."""
        with self._lock:
            if self._found is None:
                self._found = self._find_zone(what)
            return self._found

    def _find_zone(self, what: str) -> _Zone:
        found = self._api.get("/zones", {"name": self.zone()}, what=what).get("result")
        first = found[0] if isinstance(found, list) and found else None
        if not isinstance(first, dict):
            raise NotFoundError(f"{what}: the token sees no zone '{self.zone()}'", page="G2")
        plan = first.get("plan")
        name = str(plan.get("legacy_id", "")) if isinstance(plan, dict) else ""
        most = 200 if name in ("", "free") else 3500
        return _Zone(str(first["id"]), most=most, least_ttl=30 if name == "enterprise" else 60)

    def _ask_flattened(self, server: str, name: str) -> RecordSet | None:
        addresses = self._servers.ask(server, name, "A")
        if addresses is None:
            return None
        for alias in self._aliases:
            there = self._servers.ask(server, alias, "A") if alias != name else None
            if there is not None and there.values == addresses.values:
                return RecordSet(name=name, type="CNAME", ttl=addresses.ttl, values=(alias,))
        return None


def _size(operations: Operations) -> int:
    return operations.size


def _parse_entry(data: Mapping[str, object], what: str) -> Entry:
    try:
        return Entry.parse(data)
    except (KeyError, TypeError, ValueError) as cause:
        raise RejectedError(f"{what}: Cloudflare's answer holds a record without {cause}") from cause


def _parse_token(zone: DnsZone, key: Secret) -> str:
    text = key.reveal().decode(errors="replace").strip()
    try:
        fields = json.loads(text)
        token = fields["token"] if isinstance(fields, dict) else text
    except (ValueError, KeyError):
        token = "" if text.startswith("{") else text
    if not isinstance(token, str) or not token or not token.isascii() or len(token.split()) != 1:
        raise DeniedError(
            f"cannot use zone '{zone.name}': its key is neither an API token nor JSON with a token"
        )
    return token
