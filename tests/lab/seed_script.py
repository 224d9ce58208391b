"""Runs inside a container of the application's image on a tenant's links: fills the databases.

    seed_script.py DOCUMENTS GRIDFS_BYTES REDIS_KEYS

Mixed sizes, unique and compound indexes, two accounts of the application's own, files in GridFS, keys
with and without TTL. Everything follows from a fixed seed.
"""

from __future__ import annotations

import datetime
import random
import sys
from pathlib import Path

import gridfs
import pymongo
import redis

BATCH = 500
SECRETS = Path("/run/seed")
START = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)


def build_order(number: int, chance: random.Random) -> dict[str, object]:
    """From 150 bytes to about 6 kB."""
    return {
        "_id": f"order-{number}",
        "number": number,
        "customer": f"customer-{chance.randrange(2000)}",
        "placed": START + datetime.timedelta(seconds=number),
        "total": round(chance.uniform(1, 900), 2),
        "paid": chance.random() < 0.7,
        "lines": [
            {"article": f"a{chance.randrange(500)}", "quantity": chance.randrange(1, 9)}
            for _ in range(chance.choice((1, 1, 2, 3, 12)))
        ],
        "note": "ü" * chance.choice((0, 10, 80, 80, 400, 2500)),
    }


def fill_mongodb(client: pymongo.MongoClient[dict[str, object]], documents: int, files: int) -> None:
    chance = random.Random(20310304)
    database = client["app"]
    for first in range(0, documents, BATCH):
        count = min(BATCH, documents - first)
        database["orders"].insert_many([build_order(first + i, chance) for i in range(count)])
    database["orders"].create_index([("number", 1)], unique=True, name="number_1")
    database["orders"].create_index([("customer", 1), ("placed", -1)], name="customer_1_placed_-1")
    database["settings"].insert_many([{"_id": key, "value": key * 3} for key in ("mail", "theme", "tax")])
    store = gridfs.GridFS(database)
    for number, size in enumerate(split_sizes(files)):
        store.put(chance.randbytes(size), filename=f"upload-{number}.bin")


def split_sizes(total: int) -> list[int]:
    """A few large files, the rest small."""
    large, left = [], total
    while left > 8_000_000:
        large.append(8_000_000)
        left -= 8_000_000
    return [*large, left] if left else large


def create_accounts(client: pymongo.MongoClient[dict[str, object]]) -> None:
    """Two accounts that drp does not manage: they must arrive with their passwords unknown to anybody."""
    has_roles = "setName" in client["admin"].command("hello")
    for name in ("reporting", "exporter"):
        roles = [{"role": "read", "db": "app"}] if has_roles else []
        client["admin"].command("createUser", name, pwd=f"{name}-secret-of-the-tenant", roles=roles)


def fill_redis(client: redis.Redis, keys: int) -> None:
    pipe = client.pipeline(transaction=False)
    for number in range(keys):
        pipe.set(f"cart:{number}", f"content of cart {number}", ex=86_400 if number % 3 else None)
    pipe.hset("stock", mapping={f"a{n}": n for n in range(50)})
    pipe.execute()


def main() -> None:
    documents, files, keys = map(int, sys.argv[1:4])
    password = (SECRETS / "mongodb" / "mongodb-password").read_text()
    conf = (SECRETS / "redis" / "redis.conf").read_text()
    redis_password = next(line.split()[1] for line in conf.splitlines() if line.startswith("requirepass"))
    mongodb: pymongo.MongoClient[dict[str, object]] = pymongo.MongoClient(
        "mongodb", 27017, username="drp", password=password, directConnection=True
    )
    fill_mongodb(mongodb, documents, files)
    create_accounts(mongodb)
    fill_redis(redis.Redis("redis", 6379, password=redis_password), keys)
    print("seeded", flush=True)


if __name__ == "__main__":
    main()
