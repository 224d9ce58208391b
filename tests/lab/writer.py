"""A client that writes all the time, and later looks for every write that was acknowledged.

Standard library only and nothing of drp, so that it cannot share a mistake with what it judges. It
resolves the tenant's name anew for each connection, as a client does; ``--at`` an edge's address instead,
as a client with an old DNS answer does. ``--patience``: seconds that it waits for an answer, ``--pause``:
seconds between an answer and the next write.

    writer.py write NAME --ca FILE --log FILE     until SIGTERM
    writer.py verify NAME --ca FILE --log FILE    prints one JSON line: acknowledged, found, lost, refused
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import signal
import socket
import ssl
import sys
import time
from pathlib import Path
from types import FrameType

PAUSE_S = 0.02
TIMEOUT_S = 150.0
"""Longer than any hold: an unanswered request is waited for, as a patient client would."""


class PinnedConnection(http.client.HTTPSConnection):
    """Connects to a given address in the name of the host."""

    def __init__(self, name: str, address: str, context: ssl.SSLContext, *, patience: float) -> None:
        super().__init__(name, timeout=patience, context=context)
        self._address = address
        self._tls = context
        self._patience = patience

    def connect(self) -> None:
        raw = socket.create_connection((self._address, 443), timeout=self._patience)
        self.sock = self._tls.wrap_socket(raw, server_hostname=self.host)


class Client:
    """Requests to one name; a new connection, and so a new look-up, for each."""

    def __init__(self, name: str, ca: str, *, at: str = "", patience: float = TIMEOUT_S) -> None:
        self.name = name
        self.at = at
        self.patience = patience
        self.context = ssl.create_default_context(cafile=ca)

    def request(self, method: str, path: str, body: str | None = None) -> tuple[int, str, str]:
        """Status, body, and which instance answered."""
        connection = PinnedConnection(self.name, self.at or self.name, self.context, patience=self.patience)
        try:
            headers = {"Content-Type": "application/json", "Connection": "close"}
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer.headers.get("X-Instance", "")
        finally:
            connection.close()


class Writer:
    """Writes numbered items; every line of the log is one outcome, written after the answer came."""

    def __init__(self, client: Client, log: Path, prefix: str, pause: float = PAUSE_S) -> None:
        self.client = client
        self.log = log
        self.prefix = prefix
        self.pause = pause
        self.running = True

    def stop(self, signum: int, frame: FrameType | None) -> None:
        self.running = False

    def run(self) -> None:
        signal.signal(signal.SIGTERM, self.stop)
        number = 0
        with self.log.open("a", buffering=1) as out:
            while self.running:
                number += 1
                out.write(json.dumps(self._write(number)) + "\n")
                time.sleep(self.pause)

    def _write(self, number: int) -> dict[str, object]:
        name = f"{self.prefix}{number}"
        value = hashlib.sha256(f"{self.client.name} {name}".encode()).hexdigest()
        began = time.time()
        record: dict[str, object] = {"id": name, "value": value, "began": began}
        try:
            status, _, instance = self.client.request("PUT", f"/items/{name}", json.dumps({"value": value}))
            record |= {"status": status, "instance": instance}
        except (OSError, http.client.HTTPException) as error:
            record |= {"status": 0, "error": f"{type(error).__name__}: {error}"}
        return record | {"took_s": round(time.time() - began, 4)}


def verify(client: Client, log: Path) -> dict[str, object]:
    """Ask for every acknowledged item by its id and compare the value."""
    records = [json.loads(line) for line in log.read_text().splitlines()]
    good = [r for r in records if r["status"] in (200, 201)]
    lost = []
    for record in good:
        status, body, _ = client.request("GET", f"/items/{record['id']}")
        if status != 200 or json.loads(body).get("value") != record["value"]:
            lost.append(record["id"])
    refused = [r for r in records if r["status"] not in (200, 201)]
    return {
        "acknowledged": len(good),
        "found": len(good) - len(lost),
        "lost": lost,
        "refused": len(refused),
        "refusals": sorted({str(r.get("error", r["status"])) for r in refused})[:5],
        "slowest_s": max((r["took_s"] for r in records), default=0.0),
        "instances": sorted({r["instance"] for r in good}),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mode", choices=["write", "verify"])
    parser.add_argument("name")
    parser.add_argument("--ca", required=True)
    parser.add_argument("--log", required=True, type=Path)
    parser.add_argument("--at", default="")
    parser.add_argument("--prefix", default="w")
    parser.add_argument("--patience", type=float, default=TIMEOUT_S)
    parser.add_argument("--pause", type=float, default=PAUSE_S)
    options = parser.parse_args()
    client = Client(options.name, options.ca, at=options.at, patience=options.patience)
    if options.mode == "write":
        Writer(client, options.log, options.prefix, options.pause).run()
    else:
        print(json.dumps(verify(client, options.log)))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
