"""The whole service on loopback: API by HTTP, two name servers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseServer
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from drp.ports.clock import Clock
from drp.testing.cloudflare.api import PREFIX, FakeApi
from drp.testing.cloudflare.limits import Limits
from drp.testing.cloudflare.nameserver import NameServer
from drp.testing.cloudflare.zone import FakeZone

_POLL_S: Final = 0.01
EDITOR: Final = "token-that-edits"
READER: Final = "token-that-reads"


class FakeCloudflare:
    """``api`` is what a test reaches behind drp's back; ``url`` and ``servers`` what drp is given."""

    def __init__(self, clock: Clock, *, zone: str, plan: str, calls: int) -> None:
        self.zone = FakeZone(zone, number=1, plan=plan)
        self.api = FakeApi(
            Limits(clock, calls=calls),
            [FakeZone(f"other-{zone}", number=2, plan="free"), self.zone],
            {EDITOR: "edit", READER: "read"},
        )
        self.flattens = True
        self.loses_replies = 0
        """So many of the next changes are done, and their answers lost on the way."""
        self._http = _HttpServer(self)
        self._name_servers = [NameServer(self.api.zones, lambda: self.flattens) for _ in range(2)]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}{PREFIX}"

    @property
    def servers(self) -> tuple[str, ...]:
        return tuple(each.address for each in self._name_servers)

    @contextmanager
    def running(self) -> Iterator[FakeCloudflare]:
        with ExitStack() as stack:
            for server in (self._http, *self._name_servers):
                stack.enter_context(_serving(server))
            yield self


@contextmanager
def _serving(server: BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(_POLL_S,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, service: FakeCloudflare) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.service = service


class _Handler(BaseHTTPRequestHandler):
    server: _HttpServer
    protocol_version = "HTTP/1.1"
    # headers and body in one packet: else each answer waits for an acknowledgement
    wbufsize = -1
    disable_nagle_algorithm = True

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        text = self.rfile.read(int(self.headers.get("content-length") or 0))
        token = self.headers.get("authorization", "").removeprefix("Bearer ")
        status, headers, reply = self.server.service.api.answer(
            self.command, parts.path, dict(parse_qsl(parts.query)), json.loads(text) if text else None, token
        )
        if self.command != "GET" and self.server.service.loses_replies:
            self.server.service.loses_replies -= 1
            self.close_connection = True
            return
        self._send(status, headers, json.dumps(reply).encode())

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - names of the base class

    def _send(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """A test's output is not the place."""
