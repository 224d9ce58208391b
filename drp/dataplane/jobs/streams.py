"""What a backup reads: one stream a collection, one a Redis database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from drp.dataplane.cache.scan import iter_dumps, list_databases
from drp.dataplane.job import Context
from drp.dataplane.manifest import Stream
from drp.dataplane.mongodb.catalog import CollectionInfo
from drp.dataplane.mongodb.sources import SCAN, Source, tally_batch
from drp.dataplane.mongodb.state import State
from drp.dataplane.places import CacheEndpoint
from drp.dataplane.tally import EMPTY, Tally
from drp.dataplane.writing import Cutter, Emit


@dataclass(slots=True, kw_only=True)
class Task:
    """``read`` hands a stream's documents to the emitter and tells what they amount to: ``tally`` then."""

    stream: Stream
    read: Callable[[Emit], Tally]
    tally: Tally = field(default=EMPTY)


def iter_mongodb_tasks(state: State) -> Iterator[Task]:
    """One a collection; views have no documents."""
    for number, info in enumerate(info for info in state.listing.collections if info.has_documents):
        stream = Stream(
            number=number,
            kind="collection",
            database=info.database,
            name=info.name,
            type=info.type,
            mode=state.source.mode_of(info),
            tally=EMPTY,
        )
        yield Task(stream=stream, read=_read_collection(state.source, info, number))


def iter_redis_tasks(context: Context, endpoint: CacheEndpoint, *, first: int) -> Iterator[Task]:
    """One a database that has keys; numbers from ``first`` on."""
    with context.open_cache(endpoint) as cache:
        databases = list_databases(cache)
    for number, database in enumerate(databases, first):
        stream = Stream(
            number=number,
            kind="redis",
            database="redis",
            name=str(database),
            type="redis",
            mode=SCAN,
            tally=EMPTY,
        )
        yield Task(stream=stream, read=_read_keys(context, endpoint, database=database, number=number))


def _read_collection(source: Source, info: CollectionInfo, number: int) -> Callable[[Emit], Tally]:
    def read(emit: Emit) -> Tally:
        cutter, ordered = Cutter(number, emit), EMPTY
        for documents in source.iter_documents(info):
            if info.is_capped:
                ordered += tally_batch(info, documents, ordered.documents)
            cutter.add(documents)
        cutter.flush()
        return ordered if info.is_capped else cutter.total

    return read


def _read_keys(
    context: Context, endpoint: CacheEndpoint, *, database: int, number: int
) -> Callable[[Emit], Tally]:
    def read(emit: Emit) -> Tally:
        cutter = Cutter(number, emit)
        with context.open_cache(endpoint, database) as cache:
            for records in iter_dumps(cache):
                cutter.add(records)
        cutter.flush()
        return cutter.total

    return read
