"""The API: routes, tokens, pages and envelopes; pure but for the zones it changes."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from drp.testing.cloudflare.limits import Limits
from drp.testing.cloudflare.zone import FakeZone, Record, RefusalError

PREFIX: Final = "/client/v4"

_ROUTES: Final = (
    ("/zones", r"/zones"),
    ("/zones/{zone_id}/dns_records/batch", r"/zones/(\w+)/dns_records/batch"),
    ("/zones/{zone_id}/dns_records", r"/zones/(\w+)/dns_records"),
    ("/zones/{zone_id}/dns_records/{dns_record_id}", r"/zones/(\w+)/dns_records/(\w+)"),
)
_MOST_ZONES: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One call and its answer. ``route`` is the path with its parameters' names, "" for no known one."""

    method: str
    route: str
    query: Mapping[str, str]
    body: Any
    status: int
    reply: Any


@dataclass(slots=True)
class FakeApi:
    """``tokens``: token -> what it may (``read`` or ``edit``); ``page_limit``: the most records on a page."""

    limits: Limits
    zones: list[FakeZone]
    tokens: dict[str, str]
    page_limit: int = 5000
    exchanges: list[Exchange] = field(default_factory=list)
    refusals: list[RefusalError] = field(default_factory=list)
    """Answers to the next calls, ordered beforehand by a test."""
    interfere: Callable[[], object] = lambda: None
    """Called once before the next change is done: what somebody else does meanwhile."""
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def answer(
        self, method: str, path: str, query: Mapping[str, str], body: Any, token: str
    ) -> tuple[int, dict[str, str], Any]:
        """(status, headers, JSON) of one call."""
        with self._lock:
            route, found = _find_route(path)
            wait = self.limits.count()
            headers = {"ratelimit": self.limits.header()}
            try:
                if wait:
                    headers["retry-after"] = str(int(wait))
                    raise RefusalError(429, 10429, "Rate limited. Please wait and consider throttling.")
                status, reply = 200, self._do(method, route, found, query, body, token)
            except RefusalError as refusal:
                status, reply = refusal.status, _refuse(refusal)
            self.exchanges.append(
                Exchange(method=method, route=route, query=query, body=body, status=status, reply=reply)
            )
            return status, headers, reply

    def _do(
        self, method: str, route: str, found: list[str], query: Mapping[str, str], body: Any, token: str
    ) -> Any:
        if self.refusals:
            raise self.refusals.pop(0)
        right = self.tokens.get(token)
        if right is None or (method != "GET" and right != "edit"):
            raise RefusalError(403, 10000, "Authentication error")
        if route == "/zones" and method == "GET":
            return self._list_zones(query)
        zone = next((each for each in self.zones if found and each.id == found[0]), None)
        if zone is None:
            raise RefusalError(
                404, 7003, f"Could not route to {route or 'that'}, perhaps your object identifier is invalid?"
            )
        if method == "GET" and len(found) == 1:
            return self._list_records(zone, query)
        if method != "GET":
            interfere, self.interfere = self.interfere, lambda: None
            interfere()
        return _envelope(_change(zone, method, route, found, body))

    def _list_zones(self, query: Mapping[str, str]) -> Any:
        shown = [zone.show() for zone in self.zones if query.get("name") in (None, zone.name)]
        return _page(shown, query, usual=20, most=_MOST_ZONES)

    def _list_records(self, zone: FakeZone, query: Mapping[str, str]) -> Any:
        name, kind = query.get("name.exact", query.get("name")), query.get("type")
        shown = [
            record
            for record in zone.records.values()
            if name in (None, record["name"]) and kind in (None, record["type"])
        ]
        return _page(shown, query, usual=100, most=self.page_limit)


def _find_route(path: str) -> tuple[str, list[str]]:
    for route, pattern in _ROUTES:
        if found := re.fullmatch(re.escape(PREFIX) + pattern, path):
            return route, [*found.groups()]
    return "", []


def _change(zone: FakeZone, method: str, route: str, found: list[str], body: Any) -> Any:
    if route.endswith("/batch") and method == "POST":
        return zone.batch(body)
    if method == "POST" and len(found) == 1:
        return zone.create(body)
    if len(found) != 2:
        raise RefusalError(405, 10405, "Method not allowed for this authentication scheme")
    if method == "DELETE":
        return {"id": zone.delete(found[1])["id"]}
    return {
        "GET": lambda: zone.find(found[1]),
        "PATCH": lambda: zone.patch(found[1], body),
        "PUT": lambda: zone.put(found[1], body),
    }[method]()


def _page(shown: list[Record], query: Mapping[str, str], *, usual: int, most: int) -> Any:
    size = min(int(query.get("per_page", usual)), most)
    number = int(query.get("page", 1))
    page = shown[(number - 1) * size : number * size]
    about = {
        "page": number,
        "per_page": size,
        "count": len(page),
        "total_count": len(shown),
        "total_pages": -(-len(shown) // size),
    }
    return {**_envelope(page), "result_info": about}


def _envelope(result: Any) -> dict[str, Any]:
    return {"success": True, "errors": [], "messages": [], "result": result}


def _refuse(refusal: RefusalError) -> Any:
    error = {"code": refusal.code, "message": str(refusal)}
    return {"success": False, "errors": [error], "messages": [], "result": None}
