"""One HTTPS request, as a client makes it; the standard library only.

    client_script.py METHOD URL --ca FILE [--at ADDRESS] [--body TEXT] [--token TEXT]

Prints one JSON line: status, instance, body. ``--at`` asks an edge of one's own choice, as a client does
that still has an old DNS answer.
"""

from __future__ import annotations

import argparse
import http.client
import json
import socket
import ssl
from urllib.parse import urlsplit


class PinnedConnection(http.client.HTTPSConnection):
    """Connects to a given address in the name of the host."""

    def __init__(self, host: str, address: str, context: ssl.SSLContext) -> None:
        super().__init__(host, timeout=30, context=context)
        self._address = address
        self._tls = context

    def connect(self) -> None:
        raw = socket.create_connection((self._address, 443), timeout=30)
        self.sock = self._tls.wrap_socket(raw, server_hostname=self.host)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("method")
    parser.add_argument("url")
    parser.add_argument("--ca", required=True)
    parser.add_argument("--at", default="")
    parser.add_argument("--body")
    parser.add_argument("--token", default="")
    options = parser.parse_args()
    parts = urlsplit(options.url)
    host = parts.hostname or ""
    context = ssl.create_default_context(cafile=options.ca)
    connection = PinnedConnection(host, options.at or host, context)
    headers = {"Authorization": f"Bearer {options.token}"} if options.token else {}
    connection.request(options.method, parts.path, body=options.body, headers=headers)
    answer = connection.getresponse()
    body = answer.read().decode(errors="replace")
    print(
        json.dumps({"status": answer.status, "instance": answer.headers.get("X-Instance", ""), "body": body})
    )


if __name__ == "__main__":
    main()
