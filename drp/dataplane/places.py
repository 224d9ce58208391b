"""Where servers and stores are, apart from the drivers that speak to them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a MongoDB listens and as whom to log in (``user`` None: without login)."""

    host: str
    port: int
    user: str | None = None
    login_database: str = "admin"
    application: str = "drp"


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheEndpoint:
    """Where a Redis listens; a ``host`` that starts with a slash is the path of a unix socket."""

    host: str
    port: int = 6379
    user: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """Where a store is; ``prefix`` goes before every key."""

    url: str
    region: str
    bucket: str
    prefix: str = ""
