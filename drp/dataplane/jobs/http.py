"""Job ``http``: requests to the API from where the edge stands, and what must come back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from drp.dataplane.job import Context, parse_params
from drp.dataplane.jobs.params import HttpParams
from drp.errors import UnreachableError, UsageError, VerificationError
from drp.model.values import Json, JsonMap


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """``body``: text, or anything else as JSON. ``expect_json``: fields that the answer must have so.

    ``keep``: name -> field of the JSON answer, which later requests name ``{NAME}`` in path, headers or body.
    """

    method: str = "GET"
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: object = None
    expect_status: int = 200
    expect_contains: str = ""
    expect_json: Mapping[str, object] | None = None
    keep: Mapping[str, str] = field(default_factory=dict)


def run_http(context: Context) -> JsonMap:
    """Status of each request. Raises UnreachableError, VerificationError at the first unexpected answer."""
    params = context.parse(HttpParams)
    base = urlsplit(params.base)
    if base.scheme != "http" or not base.hostname:
        raise UsageError(f"cannot send requests to '{params.base}': write http://HOST:PORT")
    answers: list[Json] = []
    kept: dict[str, str] = {}
    for given in params.requests:
        request = fill_in(parse_request(given), kept)
        connection = HTTPConnection(base.hostname, base.port or 80, timeout=params.timeout_s)
        status, body = _send(connection, request)
        check_answer(request, status, body)
        kept |= find_kept(request, body)
        answers.append({"method": request.method, "path": request.path, "status": status})
    return {"requests": answers}


def parse_request(given: Mapping[str, object]) -> Request:
    """Names may be written with dashes, and ``expect_body_contains`` for ``expect_contains``."""
    named = {name.replace("-", "_"): value for name, value in given.items()}
    if "expect_body_contains" in named:
        named["expect_contains"] = named.pop("expect_body_contains")
    return parse_params("http", Request, named)


def fill_in(request: Request, kept: Mapping[str, str]) -> Request:
    """What was kept of earlier answers, in the places that name it; other braces stay as they are."""

    def fill(text: str) -> str:
        for name, value in kept.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    return replace(
        request,
        path=fill(request.path),
        headers={name: fill(value) for name, value in request.headers.items()},
        body=fill(request.body) if isinstance(request.body, str) else request.body,
    )


def find_kept(request: Request, body: str) -> dict[str, str]:
    """Raises VerificationError for a field that the answer does not have."""
    if not request.keep:
        return {}
    what = f"cannot verify '{request.method} {request.path}'"
    try:
        found = json.loads(body)
    except ValueError as error:
        raise VerificationError(f"{what}: the answer is no JSON: {body[:200]!r}") from error
    fields = found if isinstance(found, dict) else {}
    missing = [name for name in request.keep.values() if name not in fields]
    if missing:
        raise VerificationError(f"{what}: the answer lacks {', '.join(missing)}")
    return {name: str(fields[place]) for name, place in request.keep.items()}


def _send(connection: HTTPConnection, request: Request) -> tuple[int, str]:
    headers = dict(request.headers)
    body = request.body if isinstance(request.body, str) else None
    if request.body is not None and body is None:
        body = json.dumps(request.body)
        headers.setdefault("Content-Type", "application/json")
    try:
        connection.request(
            request.method, request.path, body=None if body is None else body.encode(), headers=headers
        )
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace")
    except (OSError, HTTPException) as error:
        what = f"{request.method} {request.path}"
        raise UnreachableError(f"cannot send '{what}': {type(error).__name__}") from error
    finally:
        connection.close()


def check_answer(request: Request, status: int, body: str) -> None:
    """Raises VerificationError that tells the first line of an unexpected answer."""
    what = f"cannot verify '{request.method} {request.path}'"
    if status != request.expect_status:
        raise VerificationError(f"{what}: status {status} instead of {request.expect_status}: {body[:200]!r}")
    if request.expect_contains not in body:
        raise VerificationError(f"{what}: the answer lacks {request.expect_contains!r}: {body[:200]!r}")
    if request.expect_json is not None:
        _check_json(what, request.expect_json, body)


def _check_json(what: str, wanted: Mapping[str, object], body: str) -> None:
    try:
        found = json.loads(body)
    except ValueError as error:
        raise VerificationError(f"{what}: the answer is no JSON: {body[:200]!r}") from error
    wrong = [name for name in wanted if not isinstance(found, dict) or found.get(name) != wanted[name]]
    if wrong:
        raise VerificationError(f"{what}: {', '.join(wrong)} came back different: {body[:200]!r}")
