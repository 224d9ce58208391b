"""One edge: the proxy of a host that ends TLS and routes each name to its tenant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from drp.model.values import Secret

RouteKind = Literal["local", "edge", "closed"]


@dataclass(frozen=True, slots=True)
class Route:
    """Where requests of a name go: an API of this host (``local``), an edge over TLS (``edge``), nowhere.

    ``target`` is ``address:port``, empty for ``closed`` (503 with Retry-After). ``owner`` is the instance
    that a local route leads to: by its tenant and epoch the guard knows what it must close.
    """

    kind: RouteKind
    target: str = ""
    owner: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.target}".strip()


class EdgeReader(Protocol):
    """Reads what the running proxy does, not what its files say. Errors: UnreachableError, NotFoundError."""

    def is_installed(self) -> bool:
        """True when the proxy's own configuration, as this drp writes it, lies in its container."""
        ...

    def find_route(self, name: str) -> Route | None: ...

    def routes(self) -> dict[str, Route]: ...

    def is_held(self, name: str) -> bool: ...

    def permitted_until(self) -> datetime | None:
        """The moment (by the host's own clock) from which the proxy neither takes a request for an API of its
        host nor passes on an answer of one. None: it was never permitted to."""
        ...

    def fenced(self) -> frozenset[str]:
        """Names that the guard has closed here, because another site has taken their tenants over."""
        ...

    def requests_in_flight(self, name: str) -> int:
        """Requests of that name that an API of this host got and has not answered.

        Those forwarded to another edge are counted there. One whose client has reset its connection is
        counted no more, though its API may still work on it: stop the API to be sure.
        """
        ...

    def requests_total(self, name: str) -> int:
        """Requests of that name answered, by an API or another edge, since the proxy started."""
        ...

    def quiet_for(self, name: str) -> timedelta:
        """For how long the running proxy knows that it passed no request of that name on.

        It remembers none from before it started, nor for longer than 20 days; one that is not answered
        yet counts as just now.
        """
        ...

    def has_certificate(self, name: str, fingerprint: str) -> bool:
        """True when the running proxy presents the certificate with this SHA-256 for the name."""
        ...


class Edge(EdgeReader, Protocol):
    """Every change goes to disk first, then into the running proxy; repeating one is no error."""

    def install(self) -> None:
        """Put the proxy's own configuration into its container, before its first start."""
        ...

    def set_route(self, name: str, route: Route | None) -> None:
        """None removes the name (421 for its requests)."""
        ...

    def permit(self, until: datetime) -> None:
        """Let APIs of this host answer until that moment. A guard does this; nobody else needs to."""
        ...

    def hold(self, name: str, limit: timedelta) -> None:
        """New requests of the name wait, each at most ``limit``, then get 503."""
        ...

    def release(self, name: str) -> None: ...

    def set_certificate(self, name: str, pem: Secret) -> None:
        """Certificate chain and key (PEM) by which the edge answers for the name."""
        ...

    def remove_certificate(self, name: str) -> None: ...
