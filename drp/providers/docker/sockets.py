"""Sockets to an engine outside the SDK: for streams that go both ways and must not hang."""

from __future__ import annotations

import http.client
import socket
import ssl
from typing import Any, Final
from urllib.parse import urlsplit

from drp.errors import UsageError

SOCKET_OPTIONS: Final = (
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 3),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 2),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 9000),
)
"""A cut line ends every call after about 9 s; without these, a call in flight waits for ever."""


class _Response(http.client.HTTPResponse):
    """Reads no byte more than the head: what follows it belongs to the stream."""

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp.close()
        self.fp = sock.makefile("rb", buffering=0)  # type: ignore[assignment]


class EngineConnection(http.client.HTTPConnection):
    """One connection to ``tcp://address:port`` (with TLS) or ``unix:///path``; ``timeout`` in seconds."""

    response_class = _Response

    def __init__(self, url: str, *, context: ssl.SSLContext | None, timeout: float) -> None:
        self._url = urlsplit(url)
        self._context = context
        super().__init__(self._url.hostname or "engine", self._url.port, timeout=timeout)

    def connect(self) -> None:
        if self._url.scheme == "unix":
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(self.timeout)
            self.sock.connect(self._url.path)
            return
        self.sock = socket.create_connection((self.host, self.port), self.timeout)
        for option in SOCKET_OPTIONS:
            self.sock.setsockopt(*option)
        if self._context is not None:
            # an end without TLS's own good-bye is an error: it is how a killed engine looks
            self.sock = self._context.wrap_socket(
                self.sock, server_hostname=self.host, suppress_ragged_eofs=False
            )


def check_url(url: str, *, has_tls: bool) -> None:
    """Raises UsageError for anything but ``tcp://address:port`` (with TLS) and ``unix:///path``."""
    parts = urlsplit(url)
    if parts.scheme == "unix" and parts.path:
        return
    if parts.scheme != "tcp" or not parts.hostname or not parts.port or parts.path:
        raise UsageError(f"cannot use engine '{url}': neither tcp://address:port nor unix:///path")
    if not has_tls:
        raise UsageError(f"cannot use engine '{url}': it has no TLS, and an engine's API is its whole host")
