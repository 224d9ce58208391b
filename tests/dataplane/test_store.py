"""The helper's object store against a real S3 server that checks signatures and keeps versions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from drp.dataplane.places import Bucket
from drp.dataplane.s3 import S3Store
from drp.dataplane.store import Versioned
from drp.errors import ConflictError, DeniedError, NotFoundError, UnreachableError
from drp.model.values import Secret
from tests.providers.objects.gateway import ACCESS, SECRET, find_binary
from tests.providers.servers import free_port, running

pytestmark = pytest.mark.servers

REGION = "eu-test-1"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("s3")
    for name in ("data/backups", "versions"):
        (folder / name).mkdir(parents=True)
    port = free_port()
    argv: list[str | Path] = [find_binary(), "--access", ACCESS, "--secret", SECRET, "--region", REGION]
    argv += ["--port", f"127.0.0.1:{port}", "posix", "--versioning-dir", folder / "versions", folder / "data"]
    with running(argv, port=port, log=folder / "log"):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def place(url: str, request: pytest.FixtureRequest) -> Bucket:
    return Bucket(url=url, region=REGION, bucket="backups", prefix=f"{request.node.name}/")


def build_store(place: Bucket, secret: str = SECRET) -> S3Store:
    return S3Store(place, access=Secret(ACCESS.encode()), secret=Secret(secret.encode()))


def test_object_comes_back_under_its_prefix(place: Bucket) -> None:
    build_store(place).put_once("a/b", b"content")
    assert build_store(place).get("a/b") == b"content"
    whole = Bucket(url=place.url, region=REGION, bucket="backups")
    assert build_store(whole).find(f"{place.prefix}a/b") == b"content"
    assert build_store(whole).find("a/b") is None


def test_name_that_is_taken_is_a_conflict_and_nothing_is_overwritten(place: Bucket) -> None:
    store = build_store(place)
    store.put_once("a", b"first")
    with pytest.raises(ConflictError, match="another object has that name"):
        store.put_once("a", b"second")
    assert store.get("a") == b"first"


def test_put_that_meets_itself_after_a_lost_answer_is_done(place: Bucket) -> None:
    build_store(place).put_once("a", b"same")
    build_store(place).put_once("a", b"same")


def test_missing_object_is_told_apart(place: Bucket) -> None:
    assert build_store(place).find("none") is None
    with pytest.raises(NotFoundError, match="cannot read 'backups/none'"):
        build_store(place).get("none")


def test_wrong_secret_is_denied(place: Bucket) -> None:
    with pytest.raises(DeniedError, match="SignatureDoesNotMatch"):
        build_store(place, "wrong").put_once("a", b"x")


def test_silent_store_is_unreachable() -> None:
    nowhere = Bucket(url="http://127.0.0.1:1", region=REGION, bucket="b")
    with pytest.raises(UnreachableError, match="cannot read 'b/a'"):
        build_store(nowhere).get("a")


def test_overwritten_and_deleted_objects_are_found_again(place: Bucket) -> None:
    intruder = boto3.client(
        "s3",
        endpoint_url=place.url,
        region_name=REGION,
        aws_access_key_id=ACCESS,
        aws_secret_access_key=SECRET,
    )
    intruder.put_bucket_versioning(Bucket="backups", VersioningConfiguration={"Status": "Enabled"})
    store = build_store(place)
    assert isinstance(store, Versioned)
    store.put_once("a", b"right")
    intruder.put_object(Bucket="backups", Key=f"{place.prefix}a", Body=b"wrong")
    intruder.delete_object(Bucket="backups", Key=f"{place.prefix}a")
    assert store.find("a") is None
    assert list(store.iter_versions("a")) == [b"wrong", b"right"]
    assert list(store.iter_versions("other")) == []
