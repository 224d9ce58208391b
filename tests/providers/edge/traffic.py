"""APIs and clients for edge tests: servers that remember what they were asked, clients that never give up."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from drp.testing.contract_edges import AUTHORITY
from tests.providers.edge.local import LocalEdge

PATIENCE_S = 30.0


@dataclass(frozen=True)
class Seen:
    """One request as an API got it."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Api:
    """A running API. While ``gate`` is closed, it takes requests and does not answer them."""

    address: str
    port: int
    seen: list[Seen] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)

    @property
    def target(self) -> str:
        return f"{self.address}:{self.port}"


@contextmanager
def api(name: str, address: str = "127.0.0.1") -> Iterator[Api]:
    """An API that answers each request with its name."""
    made = Api(address, 0)
    made.gate.set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            made.seen.append(Seen(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            made.gate.wait(PATIENCE_S)
            self.send_response(200)
            self.send_header("Content-Length", str(len(name)))
            self.end_headers()
            self.wfile.write(name.encode())

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 128
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            pass  # clients that go away are part of the tests

    with Server((address, 0), Handler) as server:
        made.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield made
        made.gate.set()
        server.shutdown()


class Client:
    """One client of an edge, with a connection that it keeps."""

    def __init__(self, edge: LocalEdge, name: str) -> None:
        self._edge, self._name = edge, name
        self.connection = http.client.HTTPConnection(name, timeout=PATIENCE_S)
        self.connection.sock = connect(edge, name)
        self.connection.auto_open = 0  # never quietly a second connection

    def ask(self, path: str = "/", **headers: str) -> tuple[int, dict[str, str], str]:
        """Status, headers in lower case and body of a GET; ``x_y`` as keyword is header X-Y."""
        self.connection.request("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})
        answer = self.connection.getresponse()
        return (
            answer.status,
            {k.lower(): v for k, v in answer.getheaders()},
            answer.read().decode(),
        )

    def close(self) -> None:
        self.connection.close()


def connect(edge: LocalEdge, name: str, **options: ssl.TLSVersion) -> ssl.SSLSocket:
    """A TLS connection to the edge in a name."""
    context = ssl.create_default_context(cadata=AUTHORITY.pem)
    for option, value in options.items():
        setattr(context, option, value)
    plain = socket.create_connection((edge.settings.address, edge.settings.https_port), timeout=PATIENCE_S)
    return context.wrap_socket(plain, server_hostname=name)


def ask(edge: LocalEdge, name: str, path: str = "/", **headers: str) -> tuple[int, dict[str, str], str]:
    """One request on a connection of its own."""
    client = Client(edge, name)
    try:
        return client.ask(path, **headers)
    finally:
        client.close()


class Load:
    """Clients that ask all the time, half of them on a new connection each time; every answer is kept."""

    def __init__(self, edge: LocalEdge, name: str, clients: int = 6) -> None:
        self._edge, self._name = edge, name
        self._stop = threading.Event()
        self.answers: list[str] = []
        self.failures: list[str] = []
        self._threads = [
            threading.Thread(target=self._run, args=(number % 2 == 0,), daemon=True)
            for number in range(clients)
        ]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def _run(self, keep: bool) -> None:
        client: Client | None = None
        while not self._stop.is_set():
            try:
                client = client or Client(self._edge, self._name)
                status, _, body = client.ask()
                (self.answers if status == 200 else self.failures).append(body)
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                client = None
            if client is not None and not keep:
                client.close()
                client = None
