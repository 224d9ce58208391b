"""Looks at edges from outside: TLS handshakes and HTTPS requests to a given address in a given name."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from drp.errors import RejectedError, UnreachableError
from drp.ports.probes import Answer, Handshake

HANDSHAKE_TIMEOUT_S: Final = 5.0
MAX_BODY: Final = 1 << 20
"""Bytes; a probe asks for small pages."""


class NetworkProbes:
    """``ports.probes.Probes`` from this machine. ``authorities``: PEM of the CAs to trust, "" the system's.

    ``port`` is where ``get`` goes. No proxy of the environment is ever used.
    """

    def __init__(self, authorities: str = "", *, port: int = 443) -> None:
        self._context = ssl.create_default_context(cadata=authorities or None)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._context.hostname_checks_common_name = False
        self._port = port

    def handshake(self, address: str, port: int, name: str) -> Handshake:
        what = f"cannot greet '{name}' at '{address}:{port}'"
        with _translated(what), self._connect((address, port), name, HANDSHAKE_TIMEOUT_S) as connection:
            return _describe(connection)

    def get(self, address: str, name: str, path: str, timeout: timedelta) -> Answer:
        """``timeout`` bounds each single wait: for the connection, the header, a part of the body."""
        what = f"cannot get 'https://{name}{path}' at '{address}:{self._port}'"
        with (
            _translated(what),
            self._connect((address, self._port), name, timeout.total_seconds()) as connection,
        ):
            client = http.client.HTTPConnection(name)
            client.sock = connection
            client.request("GET", path, headers={"Connection": "close", "User-Agent": "drp"})
            return _read_answer(client.getresponse(), what)

    def reaches(self, address: str, port: int, timeout: timedelta) -> bool:
        try:
            socket.create_connection((address, port), timeout=timeout.total_seconds()).close()
        except OSError:
            return False
        return True

    def _connect(self, target: tuple[str, int], name: str, timeout: float) -> ssl.SSLSocket:
        plain = socket.create_connection(target, timeout=timeout)
        try:
            return self._context.wrap_socket(plain, server_hostname=name)
        except BaseException:
            plain.close()
            raise


def _describe(connection: ssl.SSLSocket) -> Handshake:
    leaf = x509.load_der_x509_certificate(connection.getpeercert(binary_form=True) or b"")
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return Handshake(
        protocol=connection.version() or "",
        fingerprint=leaf.fingerprint(hashes.SHA256()).hex(),
        names=tuple(names.get_values_for_type(x509.DNSName)),
        not_before=leaf.not_valid_before_utc,
        not_after=leaf.not_valid_after_utc,
    )


def _read_answer(response: http.client.HTTPResponse, what: str) -> Answer:
    body = response.read(MAX_BODY + 1)
    if len(body) > MAX_BODY:
        raise RejectedError(f"{what}: the answer is larger than 1 MiB")
    if response.length:
        raise UnreachableError(f"{what}: the answer was cut")
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(status=response.status, headers=headers, body=body)


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except ssl.SSLCertVerificationError as cause:
        raise RejectedError(f"{what}: {cause.verify_message}", page="G13") from cause
    except ssl.SSLEOFError as cause:
        raise UnreachableError(f"{what}: the connection was cut") from cause
    except ssl.SSLError as cause:
        raise RejectedError(f"{what}: TLS refused ({cause.reason or 'no reason given'})") from cause
    except (OSError, http.client.IncompleteRead) as cause:
        raise UnreachableError(f"{what}: no answer ({type(cause).__name__})") from cause
    except (http.client.HTTPException, ValueError) as cause:
        raise RejectedError(f"{what}: the answer is no HTTP ({type(cause).__name__})") from cause
