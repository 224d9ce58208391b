"""A Docker engine's API: SDK clients with bounded waits and a negotiated version, and raw streams."""

from __future__ import annotations

import http.client
import io
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import docker
import docker.errors
import requests.exceptions
from docker.errors import create_api_error_from_http_exception
from requests import Response

from drp.errors import DrpError, RejectedError
from drp.providers.docker.faults import translated
from drp.providers.docker.sockets import EngineConnection, check_url
from drp.providers.docker.tls import TlsAdapter, TlsMaterial, build_context

OLDEST: Final = (1, 41)
NEWEST: Final = (1, 52)
"""The range of API versions drp is tried with: engines 20.10 to 29."""

_CONNECTIONS: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds to wait: for a connection, and for the next byte of an answer to a look (an engine that
    boots with 20 containers is silent for 11 s), to a change, of images on their way, and to the
    removal of what a failed call has left (the engine may be why it failed).

    A look or a change ends before the deadline of the step that wants it, so that an engine that stands
    still is told as such, and the step is tried again when it goes on."""

    connect: float = 5
    look: float = 15
    change: float = 20
    transfer: float = 300
    cleanup: float = 10


class Engine:
    """One engine at ``tcp://address:port`` or ``unix:///path``; may be used by many threads at once.

    Nothing is sent before the first call. Raises UsageError for another URL, RejectedError for TLS
    material that cannot be used. ``headers`` go with every call.
    """

    def __init__(
        self,
        host: str,
        url: str,
        *,
        tls: TlsMaterial | None = None,
        headers: Mapping[str, str] | None = None,
        patience: Patience = Patience(),
    ) -> None:
        check_url(url, has_tls=tls is not None)
        self.host = host
        self.patience = patience
        self._url = url
        self._headers = dict(headers or {})
        self._context = None if tls is None else build_context(tls)
        self._lock = threading.Lock()
        self._failed: tuple[float, DrpError] | None = None

    @property
    def look(self) -> docker.APIClient:
        """For calls that only read."""
        return self._clients[0]

    @property
    def change(self) -> docker.APIClient:
        """For calls that make, start, stop or remove."""
        return self._clients[1]

    @property
    def version(self) -> str:
        """The API version that is spoken."""
        return str(self.look.api_version)

    @property
    def _clients(self) -> tuple[docker.APIClient, docker.APIClient]:
        """Of many that ask a dead engine at once, one waits for its answer and tells all others."""
        asked = time.monotonic()
        with self._lock:
            if self._failed is not None and self._failed[0] >= asked:
                raise self._failed[1]
            try:
                return self._negotiated
            except DrpError as error:
                self._failed = (time.monotonic(), error)
                raise

    @cached_property
    def _negotiated(self) -> tuple[docker.APIClient, docker.APIClient]:
        probe = self._client(_render(OLDEST), self.patience.look)
        with translated(self.host, "reach the engine"):
            offered = probe.version(api_version=False)
        version = choose_version(
            offered.get("MinAPIVersion", ""), offered.get("ApiVersion", ""), host=self.host
        )
        return self._client(version, self.patience.look), self._client(version, self.patience.change)

    def _client(self, version: str, wait: float) -> docker.APIClient:
        # the SDK takes the pair of timeouts only over TCP
        is_unix = self._url.startswith("unix:")
        client = docker.APIClient(
            base_url=self._url if self._context is None else self._url.replace("tcp:", "https:", 1),
            version=version,
            timeout=wait if is_unix else (self.patience.connect, wait),  # type: ignore[arg-type]
            max_pool_size=_CONNECTIONS,
        )
        # else REQUESTS_CA_BUNDLE and proxies of the environment beat what we were given
        client.trust_env = False
        client.headers.update(self._headers)
        if self._context is not None:
            client.mount("https://", TlsAdapter(self._context, connections=_CONNECTIONS))
        return client

    def request(
        self, method: str, path: str, *, wait: float, stream: bool = False, **options: Any
    ) -> Response:
        """A call that the SDK cannot make with a bounded wait; ``wait`` in seconds for the next byte.

        Raises foreign errors, also for an error status.
        """
        client = self.look
        timeout = wait if self._url.startswith("unix:") else (wait, wait)
        url = f"{client.base_url}/v{self.version}{path}"
        answer = client.request(method, url, stream=stream, timeout=timeout, **options)
        try:
            answer.raise_for_status()
        except requests.exceptions.HTTPError as error:
            raise create_api_error_from_http_exception(error) from error
        return answer

    def upgrade(self, path: str, body: Mapping[str, object] | None = None) -> EngineConnection:
        """A connection that the engine has turned into a raw stream; the caller closes it.

        Raises foreign errors, also for an error status.
        """
        connection = EngineConnection(self._url, context=self._context, timeout=self.patience.look)
        try:
            headers = {**self._headers, "Connection": "Upgrade", "Upgrade": "tcp"}
            headers["Content-Type"] = "application/json"
            text = "" if body is None else json.dumps(body)
            connection.request("POST", f"/v{self.version}{path}", body=text, headers=headers)
            check_upgraded(connection.getresponse())
        except BaseException:
            connection.close()
            raise
        return connection


def check_upgraded(answer: http.client.HTTPResponse) -> None:
    """Raises APIError with the engine's words when it did not open the stream."""
    if answer.status in (101, 200):
        return
    answer.fp = io.BufferedReader(answer.fp)
    text = answer.read().decode(errors="replace")
    try:
        text = str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        pass  # not the engine but something before it has answered
    refusal = Response()
    refusal.status_code = answer.status
    raise docker.errors.APIError(text, response=refusal, explanation=text)


def choose_version(oldest: str, newest: str, *, host: str) -> str:
    """The newest version that engine and drp both speak. Raises RejectedError when there is none."""
    try:
        low, high = _parse(oldest or _render(OLDEST)), _parse(newest)
    except ValueError as error:
        raise RejectedError(f"cannot reach the engine on host '{host}': it tells no API version") from error
    chosen = min(high, NEWEST)
    if chosen < max(low, OLDEST):
        raise RejectedError(
            f"cannot use the engine on host '{host}': it speaks API {_render(low)} to {_render(high)}, "
            f"drp {_render(OLDEST)} to {_render(NEWEST)}",
            page="C18",
        )
    return _render(chosen)


def _parse(version: str) -> tuple[int, int]:
    major, _, minor = version.partition(".")
    return int(major), int(minor)


def _render(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
