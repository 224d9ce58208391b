"""A bundle through a real S3 server: parts of a big file, one list, and back onto a machine with nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drp.commands.bundle.contents import MANIFEST
from drp.commands.bundle.stored import PART_BYTES, list_bundles, load_bundle, put_bundle, write_files
from drp.commands.wiring import open_store
from drp.providers.objects.s3 import S3Objects
from tests.providers.objects.gateway import ACCESS, SECRET, Gateway, gateway, make_key

pytestmark = pytest.mark.servers


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Gateway]:
    with gateway(tmp_path) as running:
        yield running


def test_a_bundle_goes_there_and_comes_back(server: Gateway, tmp_path: Path) -> None:
    made, back, credentials = tmp_path / "made", tmp_path / "back", tmp_path / "far.json"
    (made / "images").mkdir(parents=True)
    big = bytes(range(256)) * (PART_BYTES // 256) + b"the rest"
    (made / "images" / "api.tar").write_bytes(big)
    (made / MANIFEST).write_bytes(b'{"body": {"files": {}}}')
    bucket = server.make_bucket()
    name = put_bundle(S3Objects(bucket, make_key()), made, carried={}, now=datetime.now(UTC))

    credentials.write_text(json.dumps({"access": ACCESS, "secret": SECRET}))
    store = open_store(server.url, bucket.bucket, bucket.region, credentials)
    assert list_bundles(store) == [name]
    found = load_bundle(store, name)
    assert len(found.parts["images/api.tar"]) == 2
    back.mkdir()
    write_files(store, found, back)
    assert (back / "images" / "api.tar").read_bytes() == big
