"""Runs inside a container on a tenant's links: prints one JSON line that stands for all content.

Independent of drp: sorted canonical texts of documents, indexes and users, and all Redis keys with the
minute in which they expire.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import bson.json_util
import pymongo
import redis

SECRETS = Path("/run/seed")


def digest(lines: list[str]) -> str:
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:24]


def read_mongodb(client: pymongo.MongoClient[dict[str, Any]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name in sorted(client.list_database_names()):
        if name in ("admin", "local", "config"):
            continue
        for collection in sorted(client[name].list_collection_names()):
            documents = [bson.json_util.dumps(d, sort_keys=True) for d in client[name][collection].find()]
            indexes = [
                json.dumps([i["name"], str(i["key"])]) for i in client[name][collection].list_indexes()
            ]
            found[f"{name}.{collection}"] = [len(documents), digest(documents), digest(indexes)]
    users = client["admin"].command("usersInfo", {"forAllDBs": True})["users"]
    found["users"] = sorted(f"{u['db']}.{u['user']}" for u in users)
    return found


def read_redis(client: redis.Redis) -> list[object]:
    lines = [f"{key!r} {client.dump(key)!r} {client.ttl(key) < 0}" for key in client.scan_iter(count=1000)]
    return [len(lines), digest(lines)]


def main() -> None:
    password = (SECRETS / "mongodb" / "mongodb-password").read_text()
    conf = (SECRETS / "redis" / "redis.conf").read_text()
    redis_password = next(line.split()[1] for line in conf.splitlines() if line.startswith("requirepass"))
    mongodb: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(
        "mongodb", 27017, username="drp", password=password, directConnection=True
    )
    found = {
        "mongodb": read_mongodb(mongodb),
        "redis": read_redis(redis.Redis("redis", password=redis_password)),
    }
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
