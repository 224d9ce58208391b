"""A server behind MongoDB's protocol that can do much less: that is noticed, and what it can is exact."""

from __future__ import annotations

from typing import Any

import gridfs
import pytest
from pymongo import MongoClient

from drp.dataplane.places import Endpoint
from drp.errors import DeadlineError, DeniedError
from drp.model.values import JsonMap, Secret
from tests.dataplane.backups import Company
from tests.dataplane.servers import USER, client_of, run

pytestmark = pytest.mark.servers


def fill(endpoint: Endpoint) -> MongoClient[Any]:
    client = client_of(endpoint)
    orders = client.app.orders
    orders.insert_many([{"_id": n, "n": n, "who": f"u{n % 7}", "pad": "x" * (n % 900)} for n in range(3000)])
    orders.create_index("n", unique=True)
    orders.create_index([("who", 1), ("n", -1)])
    client.app.create_collection("log", capped=True, size=100_000, max=50)
    client.app.log.insert_many([{"_id": 100 - n} for n in range(40)])  # it trims but once a minute
    client.app.create_collection("empty")
    gridfs.GridFS(client.files).put(bytes(range(256)) * 20_000, filename="big")
    client.admin.command("createUser", "alice", pwd="wonderland", roles=[])
    client.app.command("createUser", "bob", pwd="builder", roles=[])
    return client


def login(endpoint: Endpoint, user: str, password: str, database: str = "admin") -> int:
    with MongoClient[Any](
        endpoint.host,
        endpoint.port,
        username=user,
        password=password,
        authSource=database,
        directConnection=True,
    ) as client:
        return int(client.app.orders.count_documents({"_id": {"$lt": 10}}))


def names(company: Company, source: Endpoint, target: Endpoint) -> list[str]:
    return [f"{d.kind} {d.name}" for d in company.compare((source, None), (target, None))]


def test_everything_moves_and_only_changes_move_again(
    source_mongodb: Endpoint, target_mongodb: Endpoint
) -> None:
    client, company = fill(source_mongodb), Company()
    told = company.backup(source_mongodb)
    assert (told["mode"], told["documents"]) == ("scan", 3000 + 40 + 1 + 20)
    company.restore(target_mongodb)
    assert names(company, source_mongodb, target_mongodb) == []
    assert list(client_of(target_mongodb).app.log.find()) == list(client.app.log.find())
    assert login(target_mongodb, "alice", "wonderland") == 10
    assert login(target_mongodb, "bob", "builder", "app") == 10
    change(client)
    assert len(names(company, source_mongodb, target_mongodb)) == 4
    company.backup(source_mongodb, backup_id="later")
    told = company.restore(target_mongodb, backup_id="later")
    assert (told["loaded"], told["dropped"]) == (["app.orders"], ["app.empty"])
    assert told["inexact"] == {"doubled": {}, "indexes": []}
    assert names(company, source_mongodb, target_mongodb) == []


def change(client: MongoClient[Any]) -> None:
    client.app.orders.update_one({"_id": 5}, {"$set": {"n": -1}})
    client.app.orders.drop_index("n_1")
    client.app.drop_collection("empty")
    client.admin.command("dropUser", "alice")


def test_accounts_are_made_once_and_given_a_new_password_then(source_mongodb: Endpoint) -> None:
    params: JsonMap = {
        "mongodb": {"host": source_mongodb.host, "port": source_mongodb.port, "user": USER},
        "accounts": [{"name": "api", "roles": ["readWriteAnyDatabase"]}],
    }
    first = run(params, kind="accounts", **{"account:api": Secret(b"first")})
    assert first == {"accounts": {"api": "created"}, "roles": False}
    second = run(params, kind="accounts", **{"account:api": Secret(b"second")})
    assert second == {"accounts": {"api": "changed"}, "roles": False}
    accepted = [check_login(source_mongodb, password) for password in (b"first", b"second")]
    assert accepted == [False, True]


def check_login(endpoint: Endpoint, password: bytes) -> bool:
    place: JsonMap = {"host": endpoint.host, "port": endpoint.port, "user": USER}
    told = run({"mongodb": place, "user": "api"}, kind="check-login", candidate=Secret(password))
    return told["accepted"] is True


def test_small_jobs_say_what_this_server_does_not_tell(source_mongodb: Endpoint) -> None:
    place: JsonMap = {"host": source_mongodb.host, "port": source_mongodb.port, "user": USER}
    client_of(source_mongodb).app.probe.insert_one({})
    assert run({"mongodb": place}, kind="sessions")["known"] is False
    assert run({"mongodb": place, "enabled": False}, kind="ttl-monitor") == {"was": None}
    for _ in range(2):
        dropped = run({"mongodb": place, "db": "app", "coll": "probe"}, kind="drop-collection")
        assert dropped == {"dropped": "app.probe"}
    assert client_of(source_mongodb).app.list_collection_names() == []


def test_large_documents_do_not_break_a_batch(source_mongodb: Endpoint, target_mongodb: Endpoint) -> None:
    client, company = client_of(source_mongodb), Company()
    for n in range(6):
        client.app.big.insert_one({"_id": n, "data": bytes([n]) * 3_000_000})
    client.app.small.insert_many([{"_id": n} for n in range(5000)])
    company.backup(source_mongodb)
    company.restore(target_mongodb)
    assert names(company, source_mongodb, target_mongodb) == []


def test_wait_for_a_server_that_does_not_come_ends() -> None:
    params: JsonMap = {"mongodb": {"host": "127.0.0.1", "port": 1, "user": USER}, "timeout_s": 0.1}
    with pytest.raises(DeadlineError, match="cannot wait any longer"):
        run(params, kind="wait-ready")


def test_wait_with_a_wrong_password_is_denied(source_mongodb: Endpoint) -> None:
    place: JsonMap = {"host": source_mongodb.host, "port": source_mongodb.port, "user": USER}
    with pytest.raises(DeniedError, match="Authentication failed"):
        run({"mongodb": place, "timeout_s": 0.1}, kind="wait-ready", mongodb=Secret(b"wrong"))
