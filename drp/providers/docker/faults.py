"""How engines, the SDK and sockets fail, said in drp's words."""

from __future__ import annotations

import contextlib
import http.client
import re
import ssl
from collections.abc import Iterator
from typing import Final

import docker.errors
import requests.exceptions
import urllib3.exceptions

from drp.errors import (
    ConflictError,
    DeniedError,
    NotFoundError,
    ProviderError,
    RejectedError,
    UnreachableError,
)

FOREIGN: Final = (
    requests.exceptions.RequestException,
    docker.errors.DockerException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
)
"""Everything that calls of an engine raise; hardly any of it is a class of the SDK."""

# engines answer 403 or 500 for these, though they mean "taken"
_TAKEN: Final = re.compile(
    r"already in use|already allocated|already exists|overlaps|same bridge name|has active endpoints"
    r"|is in use|in use by",
    re.IGNORECASE,
)
_GATEWAY_STATUSES: Final = (502, 503, 504)
_CUT: Final = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)


@contextlib.contextmanager
def translated(host: str, doing: str) -> Iterator[None]:
    """Foreign errors of the block become drp's. ``doing``: ``start container 'acme-e0007-api'``."""
    try:
        yield
    except FOREIGN as error:
        raise translate(error, host, doing) from error


def translate(error: BaseException, host: str, doing: str) -> ProviderError:
    """The error of ``drp.errors`` that a foreign one means."""
    if isinstance(error, docker.errors.APIError):
        return build_refusal(error.status_code, str(error.explanation or error), host=host, doing=doing)
    if _is_timeout(error):
        return UnreachableError(f"cannot {doing} on host '{host}': no answer in time", page="C4")
    if _is_tls_refusal(error):
        return DeniedError(
            f"cannot {doing} on host '{host}': TLS refused: {_cause(error)}",
            hint="check the engine's certificate and the client certificate of this host with `drp check`",
            page="C4",
        )
    return UnreachableError(f"cannot {doing} on host '{host}': {_cause(error)}", page="C4")


def build_refusal(status: int | None, words: str, *, host: str, doing: str) -> ProviderError:
    """What an engine's answer with an error status means; ``words`` are its own."""
    words = " ".join(words.split()).rstrip(".")
    message = f"cannot {doing} on host '{host}': {words[:1].lower()}{words[1:]}"
    if status == 404:
        return NotFoundError(message)
    if "removal" in words and "in progress" in words:
        return UnreachableError(message)  # a moment later it is gone
    if status == 409 or (status in (403, 500) and _TAKEN.search(words)):
        return ConflictError(message)
    if status in (401, 403):
        return DeniedError(message)
    if status in _GATEWAY_STATUSES:
        return UnreachableError(message)
    return RejectedError(message)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what it was made of: libraries wrap by cause, argument or reason."""
    seen: set[int] = set()
    todo: list[object] = [error]
    while todo:
        item = todo.pop()
        if isinstance(item, BaseException) and id(item) not in seen:
            seen.add(id(item))
            yield item
            todo += [item.__cause__, getattr(item, "reason", None), *item.args]


def _is_timeout(error: BaseException) -> bool:
    kinds = (TimeoutError, requests.exceptions.Timeout, urllib3.exceptions.TimeoutError)
    return any(isinstance(item, kinds) for item in _chain(error))


def _is_tls_refusal(error: BaseException) -> bool:
    """Whether certificates were refused, on either side; a connection cut in TLS is not that."""
    return any(isinstance(item, ssl.SSLError) and not isinstance(item, _CUT) for item in _chain(error))


def _cause(error: BaseException) -> str:
    """The innermost words there are."""
    if any(isinstance(item, _CUT) for item in _chain(error)):
        return "the connection was cut"
    words = [str(item) for item in _chain(error) if not item.args or isinstance(item.args[-1], str)]
    return " ".join((words[-1] if words else str(error)).split()) or type(error).__name__
