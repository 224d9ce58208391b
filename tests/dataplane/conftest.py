"""Servers shared by the tests of one file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from drp.dataplane.places import CacheEndpoint, Endpoint
from tests.dataplane.servers import ferretdb, redis_of, redis_server


@pytest.fixture(scope="session")
def redis_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[CacheEndpoint, CacheEndpoint]]:
    folder = tmp_path_factory.mktemp("redis")
    with redis_server(folder / "source") as source, redis_server(folder / "target") as target:
        yield source, target


@pytest.fixture
def source_redis(redis_pair: tuple[CacheEndpoint, CacheEndpoint]) -> CacheEndpoint:
    """Empty."""
    redis_of(redis_pair[0]).flushall()
    return redis_pair[0]


@pytest.fixture
def target_redis(redis_pair: tuple[CacheEndpoint, CacheEndpoint]) -> CacheEndpoint:
    """Empty."""
    redis_of(redis_pair[1]).flushall()
    return redis_pair[1]


@pytest.fixture
def source_mongodb(tmp_path: Path) -> Iterator[Endpoint]:
    with ferretdb(tmp_path / "source") as endpoint:
        yield endpoint


@pytest.fixture
def target_mongodb(tmp_path: Path) -> Iterator[Endpoint]:
    with ferretdb(tmp_path / "target") as endpoint:
        yield endpoint
