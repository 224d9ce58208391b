"""An engine's API on a unix socket, whose answers a test writes: for engines that cannot be had here."""

from __future__ import annotations

import contextlib
import json
import socket
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path


@dataclass(frozen=True)
class Answer:
    """``body`` is sent as it is when it is bytes, else as JSON.

    ``stream``: the connection becomes a raw one, which ends after the body, and takes what is sent to it.
    """

    status: int = 200
    body: object = None
    stream: bool = False

    def render(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass
class ApiServer:
    """``answers`` maps ``METHOD /path`` (without version and query) to an answer; else it is 404."""

    url: str
    answers: dict[str, Answer] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)
    """Each request as ``METHOD /path?query``, version included."""
    headers: list[dict[str, str]] = field(default_factory=list)

    def offer(self, oldest: str, newest: str) -> None:
        """Answer the question for versions."""
        self.answers["GET /version"] = Answer(body={"MinAPIVersion": oldest, "ApiVersion": newest})


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    api: ApiServer

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing: clients of these tests break off in the middle."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _answer(self) -> None:
        api = self.server.api
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        api.paths.append(f"{self.command} {self.path}")
        api.headers.append(dict(self.headers))
        path = self.path.partition("?")[0]
        if path.startswith("/v1."):
            path = "/" + path.split("/", 2)[2]
        answer = api.answers.get(
            f"{self.command} {path}", Answer(404, {"message": f"no such object: {path}"})
        )
        body = answer.render()
        if answer.stream:
            self._stream(body)
            return
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, body: bytes) -> None:
        self.send_response(101)
        self.end_headers()
        self.wfile.write(body)
        self.connection.shutdown(socket.SHUT_WR)
        while self.rfile.read1():
            pass
        self.close_connection = True

    do_GET = do_POST = do_DELETE = do_PUT = do_HEAD = _answer

    def address_string(self) -> str:
        return "test"

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a test has the requests in ``paths``."""


@contextlib.contextmanager
def api_server(folder: Path) -> Iterator[ApiServer]:
    """A running server that speaks API 1.41 until it is told otherwise."""
    path = folder / "engine.sock"
    with _Server(str(path), _Handler) as server:
        server.api = ApiServer(url=f"unix://{path}")
        server.api.offer("1.12", "1.41")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server.api
        server.shutdown()
        thread.join()
