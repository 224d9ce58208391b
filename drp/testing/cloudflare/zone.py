"""One zone's records, changed under the service's rules."""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Callable, Mapping
from typing import Any, Final

Record = dict[str, Any]

_MOST: Final = {"free": 200}
_MOST_PAID: Final = 3500
_AUTOMATIC: Final = 1
_LONGEST: Final = 86400
_CHANGEABLE: Final = ("name", "type", "content", "ttl", "proxied", "comment", "tags", "settings")
_DEFAULTS: Final[Record] = {"ttl": _AUTOMATIC, "proxied": False, "comment": None, "tags": [], "settings": {}}
_MOMENT: Final = "2031-03-04T02:11:00.000000Z"


class RefusalError(Exception):
    """An error the API answers with: HTTP status, code and message."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class FakeZone:
    """``plan``: free, pro, business or enterprise. ``records``: id -> record, as the API shows it."""

    def __init__(self, name: str, *, number: int, plan: str) -> None:
        self.name = name
        self.plan = plan
        self.id = f"{number:032x}"
        self.records: dict[str, Record] = {}
        self._numbers = itertools.count(1)

    def show(self) -> Record:
        """As in the list of zones."""
        return {
            "id": self.id,
            "name": self.name,
            "status": "active",
            "type": "full",
            "plan": {"legacy_id": self.plan, "name": f"{self.plan.title()} Website"},
            "development_mode": 0,
            "owner": {"id": "0" * 32, "type": "user"},
            "account": {"id": "1" * 32, "name": "drp"},
            "meta": {"step": 2, "dns_only": True},
            "name_servers": ["ada.ns.cloudflare.com", "bob.ns.cloudflare.com"],
            "original_name_servers": None,
            "original_registrar": None,
            "original_dnshost": None,
            "created_on": _MOMENT,
            "modified_on": _MOMENT,
            "activated_on": _MOMENT,
        }

    def find(self, record: str) -> Record:
        if record not in self.records:
            raise RefusalError(404, 81044, "Record does not exist.")
        return self.records[record]

    def create(self, body: Mapping[str, Any]) -> Record:
        made = {
            "id": f"{self.id[:16]}{next(self._numbers):016x}",
            **_DEFAULTS,
            **{key: body[key] for key in _CHANGEABLE if key in body},
            "proxiable": body.get("type") in ("A", "AAAA", "CNAME"),
            "created_on": _MOMENT,
            "modified_on": _MOMENT,
            "meta": {},
        }
        return self._store(made)

    def patch(self, record: str, body: Mapping[str, Any]) -> Record:
        """What is not given stays."""
        return self._store({**self.find(record), **{key: body[key] for key in _CHANGEABLE if key in body}})

    def put(self, record: str, body: Mapping[str, Any]) -> Record:
        """What is not given falls back to its default."""
        given = {key: body[key] for key in _CHANGEABLE if key in body}
        return self._store({**self.find(record), **_DEFAULTS, **given})

    def delete(self, record: str) -> Record:
        self.find(record)
        return self.records.pop(record)

    def batch(self, body: Mapping[str, Any]) -> dict[str, list[Record]]:
        """All or nothing; deletes first, then patches, puts and posts."""
        steps: dict[str, Callable[[Record], Record]] = {
            "deletes": lambda each: self.delete(each["id"]),
            "patches": lambda each: self.patch(each["id"], each),
            "puts": lambda each: self.put(each["id"], each),
            "posts": self.create,
        }
        if sum(len(body.get(kind, [])) for kind in steps) > _MOST.get(self.plan, _MOST_PAID):
            raise RefusalError(400, 9301, "Too many records in one batch.")
        before = dict(self.records)
        try:
            return {kind: [do(each) for each in body.get(kind, [])] for kind, do in steps.items()}
        except RefusalError:
            self.records = before
            raise

    def _store(self, record: Record) -> Record:
        name = str(record.get("name", "")).lower().rstrip(".")
        inside = name == self.name or name.endswith(f".{self.name}")
        stored = {**record, "name": name if inside else f"{name}.{self.name}"}
        if stored["proxied"]:
            stored["ttl"] = _AUTOMATIC
        self._check(stored)
        self.records[stored["id"]] = stored
        return stored

    def _check(self, record: Record) -> None:
        least = 30 if self.plan == "enterprise" else 60
        if record["ttl"] != _AUTOMATIC and not least <= record["ttl"] <= _LONGEST:
            raise RefusalError(
                400, 9021, f"TTL must be between {least} and {_LONGEST} seconds, or 1 for Automatic."
            )
        _check_content(record)
        others = [
            other
            for other in self.records.values()
            if other["name"] == record["name"] and other["id"] != record["id"]
        ]
        if any((each["type"], each["content"]) == (record["type"], record["content"]) for each in others):
            raise RefusalError(400, 81058, "An identical record already exists.")
        kinds = {each["type"] for each in others}
        if "CNAME" in kinds or (record["type"] == "CNAME" and kinds):
            raise RefusalError(400, 81053, "An A, AAAA, or CNAME record with that host already exists.")


def _check_content(record: Record) -> None:
    families: dict[str, type] = {"A": ipaddress.IPv4Address, "AAAA": ipaddress.IPv6Address}
    family = families.get(record["type"])
    try:
        if family is not None:
            family(record["content"])
        good = bool(record["content"]) and record["content"] != record["name"]
    except ValueError:
        good = False
    if not good:
        raise RefusalError(400, 9005, f"Content for {record['type']} record is invalid.")
