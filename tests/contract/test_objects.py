"""The object store contract on the fake and on a real S3 server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from drp.ports.objects import ObjectStore
from drp.providers.objects.s3 import S3Objects, S3Options
from drp.testing.contract_objects import PAGE, ObjectsContract
from drp.testing.objects import FakeObjects
from tests.providers.objects.gateway import Gateway, gateway, make_key, make_store
from tests.providers.servers import free_port

METHODS = frozenset({"get", "find", "list", "put_once", "delete"})


class TestFakeObjects(ObjectsContract):
    def make_store(self) -> ObjectStore:
        return FakeObjects()

    def make_denied(self) -> ObjectStore:
        return FakeObjects(denied=METHODS)

    def make_unreachable(self) -> ObjectStore:
        store = FakeObjects()
        store.down = True
        return store


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with gateway(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.mark.servers
class TestS3Objects(ObjectsContract):
    @pytest.fixture(autouse=True)
    def _server(self, server: Gateway) -> None:
        self.server = server

    def make_store(self) -> ObjectStore:
        return S3Objects(self.server.make_bucket(), make_key(), S3Options(page_size=PAGE))

    def make_denied(self) -> ObjectStore:
        return S3Objects(self.server.make_bucket(), make_key(secret="wrong"))

    def make_unreachable(self) -> ObjectStore:
        return S3Objects(make_store(f"http://127.0.0.1:{free_port()}", "bucket"), make_key())


class TestS3ObjectsWithPrefix(TestS3Objects):
    def make_store(self) -> ObjectStore:
        store = self.server.make_bucket()
        S3Objects(store, make_key()).put_once("other/leases/acme/1", b"not ours")
        return S3Objects(store, make_key(), S3Options(prefix="drp/", page_size=PAGE))
