"""A door before the object store that lets a test spoil answers: standard library only, run in its machine.

    store_faults.py --port PORT --store PORT --orders FILE --log FILE

Every request goes on to the store as it came, unless it fits the orders (JSON, read anew for each request):

    {"fault": "busy" | "mute" | "cut", "buckets": ["backups"], "methods": ["GET"], "times": 3}

``busy`` answers 503 SlowDown, ``mute`` reads the request and never answers, ``cut`` ends the connection in
the middle of the body. ``buckets`` and ``methods`` empty mean all, ``times`` null means for ever. Each
spoilt request is a line of the log.
"""

from __future__ import annotations

import argparse
import http.client
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_BUSY = (
    b'<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Please reduce your rate.</Message></Error>'
)
_HOP = frozenset({"connection", "transfer-encoding", "keep-alive", "content-length"})
_NEVER = threading.Event()


@dataclass
class Orders:
    """What is to be spoilt now; counts what was."""

    file: Path
    log: Path
    spoilt: int = 0
    known: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, method: str, path: str) -> str:
        """The fault for this request, or ""."""
        with self.lock:
            text = self.file.read_text()
            if text != self.known:
                self.known, self.spoilt = text, 0
            orders = json.loads(text)
            if not _fits(orders, method, path) or self.spoilt == orders.get("times"):
                return ""
            self.spoilt += 1
            with self.log.open("a") as log:
                log.write(f"{orders['fault']} {method} {path}\n")
            return str(orders["fault"])


def _fits(orders: dict[str, object], method: str, path: str) -> bool:
    buckets, methods = orders.get("buckets") or [], orders.get("methods") or []
    assert isinstance(buckets, list)
    assert isinstance(methods, list)
    bucket = path.lstrip("/").partition("/")[0].partition("?")[0]
    return bool(orders) and (not buckets or bucket in buckets) and (not methods or method in methods)


class Door(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    orders: Orders
    store: int


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Door

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.server.orders.take(self.command, self.path)
        if fault == "mute":
            _NEVER.wait()
        if fault == "busy":
            self._answer(503, [("Content-Type", "application/xml")], _BUSY)
            return
        status, headers, content = self._ask_store(body)
        self._answer(status, headers, content, cut=fault == "cut" and bool(content))

    def _ask_store(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.store, timeout=60)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in ("connection", "expect"):
                    connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def _answer(
        self, status: int, headers: list[tuple[str, str]], content: bytes, *, cut: bool = False
    ) -> None:
        self.send_response_only(status)
        length = str(len(content))
        for name, value in headers:
            if self.command == "HEAD" and name.lower() == "content-length":
                length = value
            if name.lower() not in _HOP:
                self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if cut else content)
        self.close_connection = self.close_connection or cut

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the log has what counts."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--store", type=int, required=True)
    parser.add_argument("--orders", type=Path, required=True)
    parser.add_argument("--log", type=Path, required=True)
    options = parser.parse_args()
    door = Door(("", options.port), _Handler)
    door.orders, door.store = Orders(options.orders, options.log), options.store
    door.serve_forever()


if __name__ == "__main__":
    main()
