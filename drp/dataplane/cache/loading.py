"""Loading keys into a Redis so that it holds exactly those of a backup."""

from __future__ import annotations

from collections.abc import Sequence

import redis

from drp.dataplane.cache.connection import Cache, Word, translate_refusal
from drp.dataplane.cache.scan import iter_keys, parse_record, read_clock

_BATCH = 500
_BATCH_BYTES = 8 * 2**20


def empty_database(client: Cache) -> None:
    """Removes every key, one by one where the server does not allow FLUSHDB."""
    try:
        client.ask("FLUSHDB")
    except redis.ResponseError:
        for keys in iter_keys(client):
            client.ask("DEL", *keys)


def load_records(client: Cache, records: Sequence[bytes]) -> int:
    """Restores records with their absolute expiries; how many are still alive.

    One whose time is up is dropped by the server. Raises RejectedError when the server does not take a
    dump, as from a newer version.
    """
    batch: list[bytes] = []
    held = 0
    for record in records:
        batch.append(record)
        held += len(record)
        if len(batch) >= _BATCH or held >= _BATCH_BYTES:
            _restore(client, batch)
            batch, held = [], 0
    _restore(client, batch)
    now_ms = read_clock(client)
    expiries = [parse_record(record)[1] for record in records]
    return sum(not 0 <= expiry <= now_ms for expiry in expiries)


def _restore(client: Cache, batch: Sequence[bytes]) -> None:
    if not batch:
        return
    commands = [_build_restore(record) for record in batch]
    for reply in client.ask_all(commands, at_once=False, strict=False):
        if isinstance(reply, Exception):
            raise translate_refusal("cannot restore a key", reply) from reply


def _build_restore(record: bytes) -> list[Word]:
    key, expiry, dump = parse_record(record)
    return ["RESTORE", key, max(expiry, 0), dump, "REPLACE", "ABSTTL"]
