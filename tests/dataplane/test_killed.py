"""The whole program on real servers, killed in the middle of a backup and of a restore, and run again."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from drp.dataplane import keys
from drp.dataplane.manifest import find_manifest, require_manifest
from drp.dataplane.places import Bucket, CacheEndpoint, Endpoint
from drp.dataplane.s3 import S3Store
from drp.dataplane.wire import decode_output, encode_job
from drp.model.content import Readback, compare
from drp.model.values import Json, JsonMap, Secret
from tests.dataplane.servers import PASSWORD, USER, client_of, redis_of, run
from tests.providers.objects.gateway import ACCESS, SECRET, find_binary
from tests.providers.servers import free_port, running

pytestmark = pytest.mark.servers

REGION = "eu-test-1"
PAIR, SITE = keys.new_backup_keypair(), keys.new_signing_keypair()
SIGNERS: dict[str, Json] = {"dc3": base64.b64encode(SITE.public).decode()}
NAMES: JsonMap = {"tenant": "acme", "backup_id": "b1"}


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    folder, port = tmp_path / "s3", free_port()
    for bucket in ("data", "keys"):
        (folder / bucket).mkdir(parents=True)
    argv: list[str | Path] = [find_binary(), "--access", ACCESS, "--secret", SECRET, "--region", REGION]
    argv += ["--port", f"127.0.0.1:{port}", "posix", folder]
    with running(argv, port=port, log=tmp_path / "s3.log"):
        yield f"http://127.0.0.1:{port}"


def place(url: str, bucket: str) -> JsonMap:
    return {"url": url, "region": REGION, "bucket": bucket, "prefix": "eu/"}


def open_store(url: str, bucket: str) -> S3Store:
    where = Bucket(url=url, region=REGION, bucket=bucket, prefix="eu/")
    return S3Store(where, access=Secret(ACCESS.encode()), secret=Secret(SECRET.encode()))


def encode(kind: str, params: JsonMap, **more: Secret) -> bytes:
    secrets = {"mongodb": Secret(PASSWORD.encode()), "redis": Secret(PASSWORD.encode()), **more}
    for role in ("store", "keys"):
        secrets |= {f"{role}-access": Secret(ACCESS.encode()), f"{role}-secret": Secret(SECRET.encode())}
    return encode_job(kind, params, secrets)


def databases(mongodb: Endpoint, redis: CacheEndpoint) -> JsonMap:
    return {
        "mongodb": {"host": mongodb.host, "port": mongodb.port, "user": USER},
        "redis": {"host": redis.host, "port": redis.port},
    }


def start(job: bytes) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-m", "drp.dataplane"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin
    process.stdin.write(job)
    process.stdin.close()
    return process


def finish(job: bytes) -> JsonMap:
    with start(job) as process:
        assert process.stdout
        return decode_output(process.stdout.read().splitlines())


def kill_when(job: bytes, is_time: Callable[[], bool]) -> None:
    """Killed as soon as the world looks so; a job that ends before fails the test."""
    with start(job) as process:
        while not is_time():
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.01)
                pytest.fail("the job ended before it could be killed")
        process.kill()


def test_killed_backup_and_restore_are_made_whole_by_the_next_run(
    url: str,
    tmp_path: Path,
    source_mongodb: Endpoint,
    target_mongodb: Endpoint,
    source_redis: CacheEndpoint,
    target_redis: CacheEndpoint,
) -> None:
    with client_of(source_mongodb) as client:
        client.app.orders.insert_many([{"_id": n, "pad": "x" * 2000} for n in range(4000)])
        client.app.orders.create_index("pad")
    redis_of(source_redis).mset({f"k{n}": n for n in range(1000)})
    source, target = databases(source_mongodb, source_redis), databases(target_mongodb, target_redis)
    buckets: JsonMap = {"store": place(url, "data"), "keys": place(url, "keys")}
    public = base64.b64encode(PAIR.public).decode()
    params: JsonMap = {**NAMES, **source, **buckets, "env": "test", "site": "dc3", "public_key": public}
    backup = encode("backup", {**params, "exclude_users": [USER]}, signing=SITE.private)

    kill_when(backup, lambda: any((tmp_path / "s3" / "keys").rglob("*.key")))
    assert find_manifest(open_store(url, "data"), "acme", "b1", signers=SIGNERS) is None
    finish(backup)
    manifest = require_manifest(open_store(url, "data"), "acme", "b1", signers=SIGNERS)
    assert len(list((tmp_path / "s3" / "keys").rglob("*.key"))) == 2

    block = open_store(url, "keys").get(manifest.key_block)
    data_key = keys.open_data_key(PAIR.private, block, tenant="acme", attempt=manifest.attempt)
    params = {**NAMES, **target, "store": buckets["store"], "signers": SIGNERS, "managed_users": [USER]}
    restore = encode("restore", params, **{"data-key": data_key})
    with client_of(target_mongodb) as client:
        kill_when(restore, lambda: client.app.orders.estimated_document_count() > 0)
    finish(restore)

    assert compare(read_back(source), read_back(target)) == []


def read_back(params: JsonMap) -> Readback:
    return Readback.from_json(run({**params, "exclude_users": [USER]}, kind="readback"))
