"""A company with one tenant: keys, stores, and the three jobs that move its data."""

from __future__ import annotations

import base64
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta

from drp.dataplane import keys
from drp.dataplane.cache.connection import Cache, open_cache
from drp.dataplane.job import Context
from drp.dataplane.jobs.registry import run_job
from drp.dataplane.manifest import Manifest, require_manifest
from drp.dataplane.mongodb.server import Server, open_server
from drp.dataplane.places import Bucket, CacheEndpoint, Endpoint
from drp.dataplane.store import Store
from drp.dataplane.wire import Job
from drp.model.content import Difference, Readback, compare
from drp.model.values import Json, JsonMap, Secret
from tests.dataplane.fakes import MemoryStore
from tests.dataplane.servers import PASSWORD

BACKUP = "20310304T021100Z-0001"


class TestDoors:
    """Real databases or simulated ones (by host name), stores in memory, a clock that only counts."""

    __test__ = False

    def __init__(self) -> None:
        self.stores: dict[str, MemoryStore] = {"data": MemoryStore(), "keys": MemoryStore()}
        self.servers: dict[str, Callable[[], AbstractContextManager[Server]]] = {}
        self.time = datetime(2031, 3, 4, tzinfo=UTC)

    def mongodb(
        self, endpoint: Endpoint, password: Secret | None, *, timeout_s: float = 20
    ) -> AbstractContextManager[Server]:
        if endpoint.host in self.servers:
            return self.servers[endpoint.host]()
        return open_server(endpoint, password, timeout_s=timeout_s)

    def cache(
        self, endpoint: CacheEndpoint, password: Secret | None, *, database: int = 0, timeout_s: float = 20
    ) -> AbstractContextManager[Cache]:
        return open_cache(endpoint, password, database=database, timeout_s=timeout_s)

    def store(self, bucket: Bucket, *, access: Secret, secret: Secret) -> Store:
        assert access.reveal() == f"{bucket.bucket}-access".encode()
        return self.stores[bucket.bucket]

    def now(self) -> datetime:
        self.time += timedelta(seconds=1)
        return self.time


@dataclass
class Company:
    """``given``: every input a helper ever got, as an intruder would have it."""

    doors: TestDoors = field(default_factory=TestDoors)
    pair: keys.BackupKeypair = field(default_factory=keys.new_backup_keypair)
    site: keys.SigningKeypair = field(default_factory=keys.new_signing_keypair)
    given: list[Job] = field(default_factory=list)

    @property
    def signers(self) -> dict[str, Json]:
        return {"dc3": base64.b64encode(self.site.public).decode()}

    def run(self, kind: str, params: JsonMap, **secrets: Secret) -> JsonMap:
        passwords = {"mongodb": Secret(PASSWORD.encode()), "redis": Secret(PASSWORD.encode())}
        job = Job(kind=kind, params=params, secrets={**passwords, **_named(secrets)})
        self.given.append(job)
        return run_job(Context(job=job, doors=self.doors))

    def backup(
        self, mongodb: Endpoint | None, redis: CacheEndpoint | None = None, *, backup_id: str = BACKUP
    ) -> JsonMap:
        params: JsonMap = {
            "tenant": "acme",
            "backup_id": backup_id,
            "env": "production",
            "site": "dc3",
            "mongodb": _place(mongodb),
            "redis": _place(redis),
            "store": _bucket("data"),
            "keys": _bucket("keys"),
            "public_key": base64.b64encode(self.pair.public).decode(),
            "exclude_users": ["drp"],
        }
        return self.run(
            "backup",
            params,
            **_store_secrets("store", "data"),
            **_store_secrets("keys", "keys"),
            signing=self.site.private,
        )

    def manifest(self, backup_id: str = BACKUP) -> Manifest:
        return require_manifest(self.doors.stores["data"], "acme", backup_id, signers=self.signers)

    def open_key(self, backup_id: str = BACKUP) -> Secret:
        """What the control plane does before a restore."""
        manifest = self.manifest(backup_id)
        block = self.doors.stores["keys"].get(manifest.key_block)
        return keys.open_data_key(self.pair.private, block, tenant="acme", attempt=manifest.attempt)

    def restore(
        self,
        mongodb: Endpoint | None,
        redis: CacheEndpoint | None = None,
        *,
        backup_id: str = BACKUP,
        data_key: Secret | None = None,
    ) -> JsonMap:
        params: JsonMap = {
            "tenant": "acme",
            "backup_id": backup_id,
            "mongodb": _place(mongodb),
            "redis": _place(redis),
            "store": _bucket("data"),
            "signers": self.signers,
            "managed_users": ["drp"],
            "replace": True,
        }
        secrets = {**_store_secrets("store", "data"), "data_key": data_key or self.open_key(backup_id)}
        return self.run("restore", params, **secrets)

    def readback(self, mongodb: Endpoint | None, redis: CacheEndpoint | None = None) -> Readback:
        params: JsonMap = {"mongodb": _place(mongodb), "redis": _place(redis), "exclude_users": ["drp"]}
        return Readback.from_json(self.run("readback", params))

    def compare(
        self,
        source: tuple[Endpoint | None, CacheEndpoint | None],
        target: tuple[Endpoint | None, CacheEndpoint | None],
    ) -> list[Difference]:
        return compare(self.readback(*source), self.readback(*target))


def _named(secrets: dict[str, Secret]) -> dict[str, Secret]:
    return {name.replace("_", "-"): secret for name, secret in secrets.items()}


def _place(endpoint: Endpoint | CacheEndpoint | None) -> JsonMap | None:
    return None if endpoint is None else {**asdict(endpoint)}


def _bucket(name: str) -> JsonMap:
    return {"url": "http://store", "region": "lab", "bucket": name, "prefix": ""}


def _store_secrets(role: str, bucket: str) -> dict[str, Secret]:
    return {f"{role}_access": Secret(f"{bucket}-access".encode()), f"{role}_secret": Secret(b"s")}
