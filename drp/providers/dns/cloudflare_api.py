"""Calls of Cloudflare's API by its SDK, raw: typed models take seconds for what takes milliseconds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import cloudflare
import httpx
from cloudflare import RequestOptions

from drp.errors import (
    ConflictError,
    DeniedError,
    NotFoundError,
    ProviderError,
    RejectedError,
    UnreachableError,
)
from drp.model.values import JsonMap
from drp.providers.dns.call_budget import CallBudget

URL: Final = "https://api.cloudflare.com/client/v4"

_PER_PAGE: Final = 5000
_DENIED: Final = frozenset({401, 403})
_BUSY: Final = frozenset({408, 425})
_CONFLICTS: Final = frozenset({81044, 81053, 81057, 81058})
"""A record that is gone, or is there already; these codes are all that a refusal is told apart by."""


class CloudflareApi:
    """Each call is made once: a repeated change could be done twice. ``timeout`` in seconds."""

    def __init__(
        self,
        token: str,
        budget: CallBudget,
        *,
        url: str = URL,
        timeout: float = 20.0,
        http: httpx.Client | None = None,
    ) -> None:
        """``http``: connections to use instead of its own."""
        self._budget = budget
        self._client = cloudflare.Cloudflare(
            api_token=token, base_url=url, max_retries=0, timeout=timeout, http_client=http
        )
        # what the SDK finds in the environment would be preferred to the token
        self._client.api_email = self._client.api_key = self._client.user_service_key = None

    def get(self, path: str, parameters: Mapping[str, str | int], *, what: str) -> JsonMap:
        """One look; ``what`` begins the message of an error."""
        options: RequestOptions = {"params": dict(parameters)}
        return self._call(
            what, False, lambda: self._client.get(path, cast_to=httpx.Response, options=options)
        )

    def post(self, path: str, body: JsonMap, *, what: str) -> JsonMap:
        """One change. After UnreachableError it may have been done."""
        return self._call(what, True, lambda: self._client.post(path, cast_to=httpx.Response, body=body))

    def list(
        self, path: str, parameters: Mapping[str, str | int], *, what: str
    ) -> Iterator[Mapping[str, Any]]:
        """All records of a list, in as few pages as they fill."""
        page = 1
        while True:
            found = self.get(path, {**parameters, "page": page, "per_page": _PER_PAGE}, what=what)
            result, about = found.get("result"), found.get("result_info")
            if not isinstance(result, list):
                raise RejectedError(f"{what}: Cloudflare's answer has no list")
            yield from result  # type: ignore[misc]
            pages = about.get("total_pages") if isinstance(about, dict) else None
            if page >= pages if isinstance(pages, int) else len(result) < _PER_PAGE:
                return
            page += 1

    def _call(self, what: str, change: bool, send: Callable[[], httpx.Response]) -> JsonMap:
        self._budget.take(what, change=change)
        try:
            answer = send()
        except cloudflare.APIStatusError as error:
            self._budget.learn(error.response.headers.get("ratelimit", ""))
            raise self._translate(error, what) from error
        except (cloudflare.APIConnectionError, httpx.HTTPError) as error:
            raise UnreachableError(f"{what}: Cloudflare's API does not answer", page="G2") from error
        self._budget.learn(answer.headers.get("ratelimit", ""))
        return _parse(answer, what)

    def _translate(self, error: cloudflare.APIStatusError, what: str) -> ProviderError:
        status, (code, said) = error.status_code, _first_error(error.response)
        told = f"{said or 'no reason'} ({code or status})"
        if status == 429:
            return self._budget.locked(what, self._budget.lock(_seconds(error.response)))
        if status in _DENIED:
            return DeniedError(f"{what}: Cloudflare refused the token: {told}", page="G2")
        if status >= 500 or status in _BUSY:
            return UnreachableError(f"{what}: Cloudflare's API failed: {told}", page="G2")
        if code in _CONFLICTS:
            return ConflictError(f"{what}: Cloudflare says: {told}")
        kind = NotFoundError if status == 404 else RejectedError
        return kind(f"{what}: Cloudflare says: {told}")


def _parse(answer: httpx.Response, what: str) -> JsonMap:
    try:
        found = json.loads(answer.content)
    except ValueError:
        found = None
    if not isinstance(found, dict) or found.get("success") is not True:
        raise RejectedError(f"{what}: Cloudflare's answer is broken")
    return found


def _first_error(answer: httpx.Response) -> tuple[int, str]:
    """(code, message) of the first error in an answer; 0 and "" when it tells none."""
    try:
        first = json.loads(answer.content)["errors"][0]
        return int(first["code"]), str(first["message"])
    except (ValueError, LookupError, TypeError):
        return 0, ""


def _seconds(answer: httpx.Response) -> float | None:
    try:
        return max(0.0, float(answer.headers["retry-after"]))
    except (KeyError, ValueError):
        return None
