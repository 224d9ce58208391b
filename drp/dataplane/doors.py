"""The world as it is. A driver is loaded when its door is opened: most jobs need one or none of them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any

from drp.dataplane.places import Bucket, CacheEndpoint, Endpoint
from drp.model.values import Secret

if TYPE_CHECKING:
    from drp.dataplane.cache.connection import Cache
    from drp.dataplane.mongodb.server import Server
    from drp.dataplane.store import Store


class RealDoors:
    """Doors to real servers and stores."""

    def mongodb(
        self, endpoint: Endpoint, password: Secret | None, *, timeout_s: float = 20
    ) -> AbstractContextManager[Server]:
        opened: AbstractContextManager[Server] = _load("mongodb.server").open_server(
            endpoint, password, timeout_s=timeout_s
        )
        return opened

    def cache(
        self, endpoint: CacheEndpoint, password: Secret | None, *, database: int = 0, timeout_s: float = 20
    ) -> AbstractContextManager[Cache]:
        opened: AbstractContextManager[Cache] = _load("cache.connection").open_cache(
            endpoint, password, database=database, timeout_s=timeout_s
        )
        return opened

    def store(self, bucket: Bucket, *, access: Secret, secret: Secret) -> Store:
        opened: Store = _load("s3").S3Store(bucket, access=access, secret=secret)
        return opened

    def now(self) -> datetime:
        return datetime.now(UTC)


def _load(name: str) -> Any:
    return import_module(f"drp.dataplane.{name}")
