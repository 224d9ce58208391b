"""Looking at the service from outside, as a client does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """What an edge presented for a name. ``fingerprint`` is the SHA-256 of the leaf, hexadecimal."""

    protocol: str
    fingerprint: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer; header names in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Probes(Protocol):
    """Errors: UnreachableError, RejectedError (TLS refused: chain, name or date)."""

    def handshake(self, address: str, port: int, name: str) -> Handshake:
        """TLS handshake with ``address`` in the name of ``name``; chain, name and dates are checked."""
        ...

    def get(self, address: str, name: str, path: str, timeout: timedelta) -> Answer:
        """HTTPS GET of ``https://name/path`` at ``address``:443."""
        ...

    def reaches(self, address: str, port: int, timeout: timedelta) -> bool:
        """Whether TCP connects to an address, or to a name that this machine resolves. Raises nothing."""
        ...
