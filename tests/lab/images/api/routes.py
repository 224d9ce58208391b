"""What the application answers. A handler takes a request and gives a reply; it knows nothing of HTTP's wire.

GET  /health                200, or 503 naming what does not answer
POST /session {user}        201 {token}
GET  /session               200 {user, expires, remembered}, 401 (Authorization: Bearer TOKEN)
PUT  /items/ID {value}      204 after the database acknowledged;  GET 200 {id, value}, 404
PUT  /files/NAME            204 body stored in GridFS;            GET 200 the body, 404
PUT  /probe/ID {value}      204;  GET 200 {id, value}, 404;  DELETE 204, 404
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from .settings import LARGEST_VALUE, SESSION_SECONDS, Settings
from .storage import Storage
from .tokens import Session, find_session, issue_token


class Source(Protocol):
    """What a body is read from."""

    def read(self, size: int = -1, /) -> bytes: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """``name`` is the second part of the path, "" without one; ``body`` holds ``size`` bytes."""

    name: str
    headers: Mapping[str, str]
    body: Source
    size: int

    def read_json(self, key: str) -> Any:
        """One field of the body. Raises ValueError when there is no such thing."""
        if self.size > LARGEST_VALUE:
            raise ValueError(f"body larger than {LARGEST_VALUE} bytes")
        words = json.loads(self.body.read(self.size))
        if not isinstance(words, dict) or key not in words:
            raise ValueError(f"body is no object with '{key}'")
        return words[key]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """``parts`` have ``size`` bytes together."""

    status: int
    parts: Iterable[bytes] = field(default=())
    size: int = 0
    kind: str = "application/json"


def build_json(status: int, words: object) -> Reply:
    body = json.dumps(words).encode() + b"\n"
    return Reply(status=status, parts=[body], size=len(body))


def build_done(request: Request) -> Reply:
    return build_json(200, {"id": request.name})


Handler = Callable[[Request], Reply]
_MISSING = build_json(404, {"error": "not found"})


class Routes:
    """Finds the handler of a method and path."""

    def __init__(self, storage: Storage, settings: Settings) -> None:
        self._storage = storage
        self._key = settings.token_key
        self._handlers: dict[tuple[str, str], Handler] = {
            ("GET", "health"): self._get_health,
            ("POST", "session"): self._post_session,
            ("GET", "session"): self._get_session,
            ("PUT", "items"): self._put_item,
            ("GET", "items"): self._get_item,
            ("PUT", "files"): self._put_file,
            ("GET", "files"): self._get_file,
            ("PUT", "probe"): self._put_probe,
            ("GET", "probe"): self._get_probe,
            ("DELETE", "probe"): self._delete_probe,
        }

    def find_handler(self, method: str, place: str) -> Handler | None:
        return self._handlers.get((method, place))

    def _get_health(self, request: Request) -> Reply:
        faults = self._storage.find_faults()
        return build_json(503 if faults else 200, {"ok": not faults, "faults": faults})

    def _post_session(self, request: Request) -> Reply:
        user = str(request.read_json("user"))
        session = Session(user, secrets.token_urlsafe(12), int(time.time()) + SESSION_SECONDS)
        self._storage.remember_session(session.id, user, SESSION_SECONDS)
        return build_json(201, {"token": issue_token(session, self._key)})

    def _get_session(self, request: Request) -> Reply:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        session = find_session(token, self._key)
        if session is None:
            return build_json(401, {"error": "no valid token"})
        remembered = self._storage.find_session_seconds(session.id)
        return build_json(200, {"user": session.user, "expires": session.expires, "remembered": remembered})

    def _put_item(self, request: Request) -> Reply:
        self._storage.put_item(request.name, request.read_json("value"))
        return build_done(request)

    def _get_item(self, request: Request) -> Reply:
        found = self._storage.find_item(request.name)
        return build_json(200, {"id": request.name, "value": found["value"]}) if found else _MISSING

    def _put_file(self, request: Request) -> Reply:
        self._storage.put_file(request.name, request.body)
        return build_done(request)

    def _get_file(self, request: Request) -> Reply:
        found = self._storage.find_file(request.name)
        if found is None:
            return _MISSING
        return Reply(status=200, size=found[0], parts=found[1], kind="application/octet-stream")

    def _put_probe(self, request: Request) -> Reply:
        self._storage.put_probe(request.name, request.read_json("value"))
        return build_done(request)

    def _get_probe(self, request: Request) -> Reply:
        found = self._storage.find_probe(request.name)
        return build_json(200, {"id": request.name, "value": found["value"]}) if found else _MISSING

    def _delete_probe(self, request: Request) -> Reply:
        return build_done(request) if self._storage.delete_probe(request.name) else _MISSING
