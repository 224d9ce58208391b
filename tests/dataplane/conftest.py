"""Servers shared by the tests of one file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from drp.dataplane.cache.connection import CacheEndpoint
from drp.dataplane.mongodb.server import Endpoint
from tests.dataplane.servers import ferretdb, redis_server


@pytest.fixture
def source_redis(tmp_path: Path) -> Iterator[CacheEndpoint]:
    with redis_server(tmp_path / "source-redis") as endpoint:
        yield endpoint


@pytest.fixture
def target_redis(tmp_path: Path) -> Iterator[CacheEndpoint]:
    with redis_server(tmp_path / "target-redis") as endpoint:
        yield endpoint


@pytest.fixture
def source_mongodb(tmp_path: Path) -> Iterator[Endpoint]:
    with ferretdb(tmp_path / "source") as endpoint:
        yield endpoint


@pytest.fixture
def target_mongodb(tmp_path: Path) -> Iterator[Endpoint]:
    with ferretdb(tmp_path / "target") as endpoint:
        yield endpoint
