"""Looks from outside, answered by fake edges instead of a network."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes

from drp.errors import RejectedError, UnreachableError
from drp.ports.clock import Clock
from drp.ports.edges import Route
from drp.ports.probes import Answer, Handshake
from drp.testing.certificates import Authority, is_for, names_of
from drp.testing.edges import FakeEdge
from drp.testing.failures import Scripted

MAX_HOPS = 2
"""There, and back once: a request may wait at one edge while its tenant moves to the other."""


class FakeProbes(Scripted):
    """``edges`` by address; ``answers`` by API target (``address:port``), else 503 as of a real edge.

    Chains must come from ``authority`` (None: any chain is good); dates are compared with ``clock``.
    """

    def __init__(
        self, edges: Mapping[str, FakeEdge], clock: Clock, *, authority: Authority | None = None
    ) -> None:
        super().__init__()
        self.edges = edges
        self.clock = clock
        self.authority = authority
        self.answers: dict[str, Answer] = {}
        self.down: set[str] = set()
        """Addresses that do not answer."""
        self.names: set[str] = set()
        """Names of others that answer."""

    def handshake(self, address: str, port: int, name: str) -> Handshake:
        with self._call("handshake"):
            if port != 443:
                raise UnreachableError(f"cannot reach '{address}:{port}': nothing listens")
            return self._handshake(address, name)

    def get(self, address: str, name: str, path: str, timeout: timedelta) -> Answer:
        with self._call("get"):
            self._handshake(address, name)
            edge = self.edges[address]
            if edge.hold_limit(name) is not None:
                self.clock.wait(timeout)
                raise UnreachableError(f"cannot get 'https://{name}{path}' at '{address}': no answer in time")
            edge.count(name)
            return self._answer(edge, name, hops=0)

    def reaches(self, address: str, port: int, timeout: timedelta) -> bool:
        with self._call("reaches"):
            known = address in self.edges or address in self.names
            return known and port in (80, 443) and address not in self.down

    def _answer(self, edge: FakeEdge, name: str, *, hops: int) -> Answer:
        route = edge.routes().get(name)
        if route is None:
            return Answer(status=421)
        if route.kind == "edge":
            return Answer(status=508) if hops == MAX_HOPS else self._follow(route, name, hops=hops + 1)
        if route.kind == "local":
            return self.answers.get(route.target, Answer(status=503))
        return Answer(status=503, headers={"retry-after": "5"})

    def _follow(self, route: Route, name: str, *, hops: int) -> Answer:
        address = route.target.rpartition(":")[0]
        if address in self.down or address not in self.edges:
            return Answer(status=503)
        return self._answer(self.edges[address], name, hops=hops)

    def _handshake(self, address: str, name: str) -> Handshake:
        if address in self.down or address not in self.edges:
            raise UnreachableError(f"cannot reach '{address}': no answer")
        chain = self.edges[address].certificates.get(name)
        if chain is None:
            raise RejectedError(f"cannot greet '{name}' at '{address}': the edge has no certificate for it")
        leaf = chain[0]
        names = names_of(leaf)
        self._check(leaf, name, names=names)
        return Handshake(
            protocol="TLSv1.3",
            fingerprint=leaf.fingerprint(hashes.SHA256()).hex(),
            names=names,
            not_before=leaf.not_valid_before_utc,
            not_after=leaf.not_valid_after_utc,
        )

    def _check(self, leaf: x509.Certificate, name: str, *, names: tuple[str, ...]) -> None:
        refused = f"cannot greet '{name}':"
        if not is_for(leaf, name):
            raise RejectedError(f"{refused} the certificate is for {', '.join(names) or 'no name'}")
        if not leaf.not_valid_before_utc <= self.clock.now() <= leaf.not_valid_after_utc:
            raise RejectedError(f"{refused} the certificate is out of its dates")
        if self.authority is not None:
            try:
                leaf.verify_directly_issued_by(self.authority.certificate)
            except (InvalidSignature, ValueError) as cause:
                raise RejectedError(f"{refused} the certificate is from an unknown authority") from cause
