"""The application's data: items, files and probes in MongoDB, sessions in Redis."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import gridfs
import pymongo
import redis

from .settings import DATABASE, Settings

_CHUNK = 255 * 1024


class Storage:
    """One for all threads. Every write is acknowledged by the database before a method returns.

    Errors are those of the drivers: PyMongoError, RedisError.
    """

    def __init__(self, settings: Settings) -> None:
        client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(
            settings.mongodb,
            serverSelectionTimeoutMS=3000,
            connectTimeoutMS=3000,
            socketTimeoutMS=60000,
            tz_aware=True,
        )
        self._client = client
        self._database = client[DATABASE]
        self._files = gridfs.GridFSBucket(self._database)
        self._redis = redis.Redis.from_url(settings.redis, socket_timeout=3, socket_connect_timeout=3)

    # ---- items

    def put_item(self, item: str, value: object) -> None:
        document = {"_id": item, "value": value, "changed": datetime.now(UTC)}
        self._database["items"].replace_one({"_id": item}, document, upsert=True)

    def find_item(self, item: str) -> dict[str, Any] | None:
        return self._database["items"].find_one({"_id": item})

    # ---- probes: written and removed by those who check that a write arrives

    def put_probe(self, probe: str, value: object) -> None:
        self._database["drp_probe"].replace_one({"_id": probe}, {"_id": probe, "value": value}, upsert=True)

    def find_probe(self, probe: str) -> dict[str, Any] | None:
        return self._database["drp_probe"].find_one({"_id": probe})

    def delete_probe(self, probe: str) -> bool:
        """The collection goes with its last document. False when there was none."""
        collection = self._database["drp_probe"]
        gone = collection.delete_one({"_id": probe}).deleted_count == 1
        if collection.find_one({}) is None:
            collection.drop()
        return gone

    # ---- files

    def put_file(self, name: str, source: object) -> None:
        """``source`` has a read method. The new file is there before older ones of the name go."""
        older = [file._id for file in self._files.find({"filename": name})]
        self._files.upload_from_stream(name, source)
        for file in older:
            self._files.delete(file)

    def find_file(self, name: str) -> tuple[int, Iterator[bytes]] | None:
        """Size and parts of the newest file of that name."""
        try:
            stream = self._files.open_download_stream_by_name(name)
        except gridfs.NoFile:
            return None
        return stream.length, iter(lambda: stream.read(_CHUNK), b"")

    # ---- sessions

    def remember_session(self, session: str, user: str, seconds: int) -> None:
        self._redis.set(f"session:{session}", user, ex=seconds)

    def find_session_seconds(self, session: str) -> int | None:
        """How long the session is still remembered, None when it is not."""
        seconds = int(self._redis.ttl(f"session:{session}"))
        return seconds if seconds > 0 else None

    # ---- health

    def find_faults(self) -> dict[str, str]:
        """What does not answer: name -> kind of error."""
        faults = {}
        for name, ask in (
            ("mongodb", lambda: self._client.admin.command("ping")),
            ("redis", self._redis.ping),
        ):
            try:
                ask()
            except (pymongo.errors.PyMongoError, redis.RedisError) as error:
                faults[name] = type(error).__name__
        return faults
