"""Redis on real servers: every key with its expiry, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import redis

from drp.dataplane.cache.connection import open_cache
from drp.dataplane.cache.loading import empty_database, load_records
from drp.dataplane.cache.scan import KeyReader, build_record, iter_dumps, iter_keys, read_clock
from drp.dataplane.cache.values import measure_keys
from drp.dataplane.places import CacheEndpoint
from drp.errors import DeniedError, RejectedError, UnreachableError
from drp.model.values import JsonMap, Secret
from tests.dataplane.backups import Company
from tests.dataplane.servers import PASSWORD, redis_of, redis_server, run

pytestmark = pytest.mark.servers

HOUR_MS = 3_600_000


def fill(endpoint: CacheEndpoint, database: int = 0) -> redis.Redis:
    """Keys of every type, in small and large encodings, with and without expiry."""
    client = redis_of(endpoint, database)
    client.mset({f"plain:{n}": os.urandom(20) for n in range(500)})
    client.set(b"\0binary\xff", b"\0\1\2")
    client.set("empty", b"")
    client.set("long", b"x" * 200_000)
    client.rpush("list", *range(2000))
    client.sadd("numbers", *range(300))
    client.sadd("words", *(f"w{n}" for n in range(3000)))
    client.hset("hash", mapping={f"f{n}": n for n in range(2000)})
    client.zadd("scores", {f"m{n}": n / 7 for n in range(1000)})
    client.xadd("stream", {"a": 1})
    client.xgroup_create("stream", "group", id="0")
    client.xreadgroup("group", "reader", {"stream": ">"})
    for n in range(100):
        client.set(f"session:{n}", n, px=HOUR_MS + n * 1000)
        client.set(f"day:{n}", n, px=24 * HOUR_MS + n)
    return client


def snapshot(client: Any) -> dict[bytes, tuple[bytes, int]]:
    """Key -> (type, absolute expiry)."""
    return {key: (client.type(key), client.pexpiretime(key)) for key in client.scan_iter()}


def names(company: Company, source: CacheEndpoint, target: CacheEndpoint) -> list[str]:
    return [f"{d.kind} {d.name}" for d in company.compare((None, source), (None, target))]


def test_every_key_arrives_with_its_expiry(source_redis: CacheEndpoint, target_redis: CacheEndpoint) -> None:
    client, company = fill(source_redis), Company()
    fill(source_redis, 5)
    told = company.backup(None, source_redis)
    assert told["redis_keys"] == 2 * client.dbsize()
    assert company.restore(None, target_redis)["redis"] == {"keys": 2 * client.dbsize(), "expired": 0}
    for database in (0, 5):
        assert snapshot(redis_of(target_redis, database)) == snapshot(redis_of(source_redis, database))
    assert redis_of(target_redis).xinfo_groups("stream")[0]["pending"] == 1
    assert names(company, source_redis, target_redis) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda client: client.set("plain:7", b"other"),
        lambda client: client.delete("plain:7"),
        lambda client: client.set("more", 1),
        lambda client: client.sadd("words", "one more"),
        lambda client: client.hset("hash", "f0", "other"),
        lambda client: client.lset("list", 5, "other"),
        lambda client: client.zadd("scores", {"m0": 0.1}),
        lambda client: client.xadd("stream", {"b": 2}),
        lambda client: client.persist("day:0"),
        lambda client: client.pexpire("day:0", 25 * HOUR_MS),
        lambda client: client.pexpire("plain:0", 25 * HOUR_MS),
    ],
)
def test_each_change_is_noticed_and_undone_by_the_next_restore(
    change: Any, source_redis: CacheEndpoint, target_redis: CacheEndpoint
) -> None:
    fill(source_redis)
    company = Company()
    company.backup(None, source_redis)
    company.restore(None, target_redis)
    change(redis_of(target_redis))
    assert names(company, source_redis, target_redis) == ["keys 0"]
    company.restore(None, target_redis)
    assert names(company, source_redis, target_redis) == []


def test_stray_database_of_the_target_is_emptied(
    source_redis: CacheEndpoint, target_redis: CacheEndpoint
) -> None:
    fill(source_redis)
    redis_of(target_redis, 3).set("stray", 1)
    company = Company()
    company.backup(None, source_redis)
    assert names(company, source_redis, target_redis) == ["keys 0", "keys 3"]
    company.restore(None, target_redis)
    assert redis_of(target_redis, 3).dbsize() == 0


def test_record_of_a_key_whose_time_is_up_counts_as_expired(target_redis: CacheEndpoint) -> None:
    client = redis_of(target_redis)
    client.set("old", 1)
    dump = client.dump("old")
    assert dump
    with open_cache(target_redis, Secret(PASSWORD.encode())) as cache:
        from_past = [build_record(b"old", read_clock(cache) - 5, dump), build_record(b"new", -1, dump)]
        assert load_records(cache, from_past) == 1
    assert client.keys() == [b"new"]


def test_equal_sets_have_equal_digests_whatever_their_servers_seed(
    source_redis: CacheEndpoint, target_redis: CacheEndpoint
) -> None:
    words = [f"w{n}" for n in range(3000)]
    redis_of(source_redis).sadd("words", *words)
    redis_of(target_redis).sadd("words", *reversed(words))
    assert names(Company(), source_redis, target_redis) == []


def test_older_server_without_pexpiretime_tells_the_same(source_redis: CacheEndpoint) -> None:
    redis_of(source_redis).set("k", 1, px=HOUR_MS)
    with open_cache(source_redis, Secret(PASSWORD.encode())) as cache:
        new, old = KeyReader(cache, "TYPE"), KeyReader(cache, "TYPE")
        old._expiry = "PTTL"
        ((_, _, exact),) = new.read([b"k"])
        ((_, _, reckoned),) = old.read([b"k"])
    assert abs(exact - reckoned) <= 1


def test_keys_are_told_once_each(source_redis: CacheEndpoint) -> None:
    fill(source_redis)
    with open_cache(source_redis, Secret(PASSWORD.encode())) as cache:
        keys = [key for batch in iter_keys(cache) for key in batch]
        assert len(keys) == len(set(keys)) == redis_of(source_redis).dbsize()
        assert sum(len(batch) for batch in iter_dumps(cache)) == len(keys)


def test_soon_expiring_keys_are_told_apart(source_redis: CacheEndpoint) -> None:
    client = redis_of(source_redis)
    client.mset({"a": 1, "b": 2})
    client.set("soon", 1, px=HOUR_MS)
    client.set("late", 1, px=5 * HOUR_MS)
    with open_cache(source_redis, Secret(PASSWORD.encode())) as cache:
        content = measure_keys(cache, 0)
    assert content.keys == 4
    assert [keys for _, keys, _ in content.expiring] == [1]
    assert content.lasting(content.expiring[0][0])[0] == 3


def test_server_that_forbids_flushing_is_emptied_key_by_key(tmp_path: Path) -> None:
    with redis_server(tmp_path / "strict", "--rename-command", "FLUSHDB", "") as endpoint:
        fill(endpoint)
        with open_cache(endpoint, Secret(PASSWORD.encode())) as cache:
            empty_database(cache)
        assert redis_of(endpoint).dbsize() == 0


def test_dump_the_server_does_not_take_is_refused(target_redis: CacheEndpoint) -> None:
    with (
        open_cache(target_redis, Secret(PASSWORD.encode())) as cache,
        pytest.raises(RejectedError, match="DUMP payload version or checksum are wrong"),
    ):
        load_records(cache, [build_record(b"k", -1, b"from the future")])


def test_wrong_password_is_denied_and_told_by_check_login(source_redis: CacheEndpoint) -> None:
    with pytest.raises(DeniedError), open_cache(source_redis, Secret(b"wrong")) as cache:
        cache.ask("PING")
    place: JsonMap = {"host": source_redis.host, "port": 0}
    assert run({"redis": place}, kind="check-login", candidate=Secret(b"wrong")) == {"accepted": False}
    right = Secret(PASSWORD.encode())
    assert run({"redis": place}, kind="check-login", candidate=right) == {"accepted": True}


def test_missing_server_is_unreachable(tmp_path: Path) -> None:
    with (
        pytest.raises(UnreachableError, match="cannot talk to Redis"),
        open_cache(CacheEndpoint(host=str(tmp_path / "none"), port=0), None) as cache,
    ):
        cache.ask("PING")
