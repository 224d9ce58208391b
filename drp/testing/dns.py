"""A DNS zone in memory, with several authoritative servers."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from drp.errors import ConflictError, DeniedError, ProviderError, RejectedError, UnreachableError
from drp.model.values import Json
from drp.ports.dns import Change, RecordSet
from drp.testing.failures import Scripted

Records = dict[tuple[str, str], RecordSet]

_ONE_WRITER = threading.Lock()  # of the module: a fake that held a lock could not be deep-copied


class FakeDns(Scripted):
    """Secondaries follow at once, or (``immediate`` False) when ``replicate`` is called."""

    def __init__(
        self,
        zone: str = "example.test",
        servers: tuple[str, ...] = ("192.0.2.53", "198.51.100.53"),
        *,
        immediate: bool = True,
    ) -> None:
        super().__init__()
        self._zone = zone
        self.immediate = immediate
        self.down: set[str] = set()
        """Servers that do not answer."""
        self.denied = False
        """True: this identity may look but not change."""
        self._records: dict[str, Records] = {server: {} for server in servers}

    def zone(self) -> str:
        return self._zone

    def servers(self) -> tuple[str, ...]:
        return tuple(self._records)

    def find(self, name: str, record_type: str) -> RecordSet | None:
        with self._call("find"):
            self._check_up(self._primary)
            return self._records[self._primary].get((name, record_type))

    def ask(self, server: str, name: str, record_type: str) -> RecordSet | None:
        with self._call("ask"):
            self._check_up(server)
            return self._records[server].get((name, record_type))

    def find_all(self, questions: Sequence[tuple[str, str]]) -> list[RecordSet | None]:
        with self._call("find_all"):
            self._check_up(self._primary)
            return [self._records[self._primary].get(question) for question in questions]

    def replace(self, old: RecordSet | None, new: RecordSet | None) -> None:
        with self._call("replace"):
            for refusal in self._change([(old, new)]):
                if refusal is not None:
                    raise refusal

    def replace_all(self, changes: Sequence[Change]) -> list[ProviderError | None]:
        with self._call("replace_all"):
            return self._change(changes)

    def _change(self, changes: Sequence[Change]) -> list[ProviderError | None]:
        with _ONE_WRITER:
            self._check_up(self._primary)
            if self.denied and changes:
                raise DeniedError(f"cannot change '{_name_of(*changes[0])}': this identity has no right to")
            refusals = [self._change_one(old, new) for old, new in changes]
            if self.immediate:
                self.replicate()
            return refusals

    def _change_one(self, old: RecordSet | None, new: RecordSet | None) -> ProviderError | None:
        records = dict(self._records[self._primary])
        try:
            _take_out(records, old)
            _put_in(records, new, zone=self._zone)
        except (ConflictError, RejectedError) as refusal:
            return refusal
        self._records[self._primary] = records
        return None

    def replicate(self, *servers: str) -> None:
        """Let these servers (all, when none is named) catch up with the primary."""
        for server in servers or self.servers():
            self._records[server] = dict(self._records[self._primary])

    def dump(self) -> Json:
        """Server -> ``name type`` -> TTL and values."""
        return {
            server: {
                f"{name} {kind}": {"ttl": records[name, kind].ttl, "values": [*records[name, kind].values]}
                for name, kind in sorted(records)
            }
            for server, records in self._records.items()
        }

    @property
    def _primary(self) -> str:
        return self.servers()[0]

    def _check_up(self, server: str) -> None:
        if server in self.down:
            raise UnreachableError(f"cannot ask name server '{server}': no answer")


def _name_of(*records: RecordSet | None) -> str:
    return next((each.name for each in records if each is not None), "")


def _take_out(records: Records, old: RecordSet | None) -> None:
    if old is None:
        return
    found = records.pop((old.name, old.type), None)
    if found is None or found.values != old.values:
        raise ConflictError(f"cannot change '{old.name}': its {old.type} records are not those read before")


def _put_in(records: Records, new: RecordSet | None, *, zone: str) -> None:
    if new is None:
        return
    if new.name != zone and not new.name.endswith(f".{zone}"):
        raise RejectedError(f"cannot change '{new.name}': it is not in zone '{zone}'")
    kinds = {kind for name, kind in records if name == new.name}
    if new.type in kinds or "CNAME" in kinds or (new.type == "CNAME" and kinds):
        raise ConflictError(
            f"cannot change '{new.name}': there are {', '.join(sorted(kinds))} records already"
        )
    records[new.name, new.type] = new
