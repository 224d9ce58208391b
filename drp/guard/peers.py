"""Guards vouch for each other: through the edges' plain port, in sealed messages."""

from __future__ import annotations

import http.client
import os
import socketserver
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Final

from drp.errors import DrpError, RejectedError, UnreachableError
from drp.guard.messages import Envelope
from drp.guard.told import Told

PATH: Final = "/.drp/vouch"
SOCKET: Final = "vouch.sock"
_MOST: Final = 2**20
_TICKET: Final = 32
"""Bytes of the random ticket that binds an answer to its question."""


class Peer:
    """A guard of another site."""

    def __init__(self, address: str, envelope: Envelope, *, patience_s: float) -> None:
        """``address`` is ``address:port`` of its host's edge."""
        self.address = address
        self._envelope = envelope
        self._patience_s = patience_s

    def vouch(self) -> dict[str, int]:
        """What it was told of. Raises UnreachableError, RejectedError for an answer that is not its own."""
        ticket = os.urandom(_TICKET)
        answer = self._envelope.open(self._post(ticket), bound_to=b"vouch" + ticket)
        told = answer.get("told")
        if not isinstance(told, dict):
            raise RejectedError(f"cannot ask guard '{self.address}': its answer says nothing of tenants")
        return {tenant: int(str(epoch)) for tenant, epoch in told.items()}

    def _post(self, ticket: bytes) -> bytes:
        host, _, port = self.address.rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=self._patience_s)
        try:
            connection.request("POST", PATH, body=self._envelope.seal({}, bound_to=ticket) + ticket)
            answer = connection.getresponse()
            content = answer.read(_MOST)
        except (OSError, http.client.HTTPException) as error:
            raise UnreachableError(
                f"cannot ask the guard at {self.address}: {type(error).__name__}"
            ) from error
        finally:
            connection.close()
        if answer.status != 200:
            raise UnreachableError(f"cannot ask the guard at {self.address}: it answers {answer.status}")
        return content


class VouchServer(socketserver.ThreadingUnixStreamServer):
    """Answers other sites' guards with what this one was told of, behind the host's edge."""

    daemon_threads = True

    def __init__(self, folder: Path, envelope: Envelope, told: Told) -> None:
        path = folder / SOCKET
        path.unlink(missing_ok=True)
        super().__init__(str(path), _Handler)
        self._envelope = envelope
        self._told = told

    def answer(self, question: bytes) -> bytes:
        """Raises RejectedError: the question is no guard's, or what was told cannot be read."""
        ticket = question[-_TICKET:]
        self._envelope.open(question[:-_TICKET], bound_to=ticket)
        return self._envelope.seal({"told": dict(self._told.read())}, bound_to=b"vouch" + ticket)

    def get_request(self) -> tuple[object, object]:  # type: ignore[override]
        """The handler wants an address to speak of; a unix socket has none."""
        request, _ = super().get_request()
        return request, ("edge", 0)


class _Handler(BaseHTTPRequestHandler):
    server: VouchServer
    timeout = 5

    def do_POST(self) -> None:
        length = min(int(self.headers.get("content-length", 0)), _MOST)
        try:
            answer = self.server.answer(self.rfile.read(length))
        except DrpError:
            self.send_error(403)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the edge counts."""
