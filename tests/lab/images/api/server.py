"""The application of the laboratory's tenants: HTTP on port 8080, MongoDB and Redis behind it.

SIGTERM: no new connections, requests in flight are answered, exit 0.
"""

from __future__ import annotations

import io
import signal
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import FrameType
from urllib.parse import unquote

from pymongo.errors import PyMongoError
from redis import RedisError

from .routes import Reply, Request, Routes, build_json
from .settings import DRAIN_SECONDS, LARGEST_FILE, PORT, load_settings
from .storage import Storage


class Body:
    """The part of a connection that is one request's body."""

    def __init__(self, source: io.BufferedIOBase, size: int) -> None:
        self._source = source
        self.left = size

    def read(self, size: int = -1, /) -> bytes:
        wanted = self.left if size < 0 else min(size, self.left)
        data = self._source.read(wanted)
        if len(data) < wanted:
            raise ConnectionError("the client went away")
        self.left -= len(data)
        return data


class Server(ThreadingHTTPServer):
    """Knows how many requests are in flight."""

    daemon_threads = True  # idle kept connections must not hold the end up
    request_queue_size = 128

    def __init__(self, routes: Routes) -> None:
        super().__init__(("", PORT), Handler)
        self.routes = routes
        self.stopping = threading.Event()
        self._in_flight = 0
        self._changed = threading.Condition()

    def count(self, change: int) -> None:
        with self._changed:
            self._in_flight += change
            self._changed.notify_all()

    def drain(self) -> None:
        """Wait until no request is in flight, or too long."""
        with self._changed:
            self._changed.wait_for(lambda: self._in_flight == 0, timeout=DRAIN_SECONDS)


class Handler(BaseHTTPRequestHandler):
    """Speaks HTTP for the routes."""

    protocol_version = "HTTP/1.1"
    server: Server
    timeout = 75
    disable_nagle_algorithm = True

    def handle_any(self) -> None:
        self.server.count(+1)
        try:
            self._reply(self._answer())
        except ConnectionError:
            self.close_connection = True
        finally:
            self.server.count(-1)

    do_GET = do_PUT = do_POST = do_DELETE = handle_any

    def _answer(self) -> Reply:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > LARGEST_FILE:
            self.close_connection = True
            return build_json(413 if length.isdigit() else 400, {"error": "no acceptable Content-Length"})
        place, _, name = self.path.partition("?")[0].strip("/").partition("/")
        body = Body(self.rfile, int(length))
        request = Request(
            name=unquote(name),
            headers={k.lower(): v for k, v in self.headers.items()},
            body=body,
            size=int(length),
        )
        try:
            return self._handle(place, request)
        finally:
            # what a handler left of the body would be read as the next request
            self.close_connection = self.close_connection or body.left > 0

    def _handle(self, place: str, request: Request) -> Reply:
        handler = self.server.routes.find_handler(self.command, place)
        if handler is None:
            return build_json(404, {"error": "no such place"})
        try:
            return handler(request)
        except ValueError as error:
            return build_json(400, {"error": str(error)})
        except (PyMongoError, RedisError) as error:
            # the kind only: a driver's message may hold the address it was given
            return build_json(503, {"error": type(error).__name__})

    def _reply(self, reply: Reply) -> None:
        self.send_response(reply.status)
        self.send_header("X-Instance", socket.gethostname())
        self.send_header("Content-Type", reply.kind)
        self.send_header("Content-Length", str(reply.size))
        if self.close_connection or self.server.stopping.is_set():
            self.close_connection = True
            self.send_header("Connection", "close")
        self.end_headers()
        for part in reply.parts:
            self.wfile.write(part)

    def log_message(self, format: str, *words: object) -> None:
        """Nothing per request: the log would hold what clients write."""


def main() -> int:
    settings = load_settings()
    server = Server(Routes(Storage(settings), settings))

    def stop(number: int, frame: FrameType | None) -> None:
        server.stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"listening on {PORT}", flush=True)
    while not server.stopping.wait(3600):
        pass
    begun = time.monotonic()
    server.shutdown()
    server.server_close()
    server.drain()
    print(f"stopped after {time.monotonic() - begun:.1f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
