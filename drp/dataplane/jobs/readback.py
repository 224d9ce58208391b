"""Job ``readback``: what both databases hold, read from the databases themselves."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from drp.dataplane.cache.scan import list_databases
from drp.dataplane.cache.values import measure_keys
from drp.dataplane.job import Context
from drp.dataplane.jobs.params import ReadbackParams
from drp.dataplane.mongodb.capabilities import ask_capabilities
from drp.dataplane.mongodb.catalog import CollectionInfo, list_collections
from drp.dataplane.mongodb.fingerprints import fingerprint_indexes, fingerprint_options
from drp.dataplane.mongodb.sources import ScanSource, Source, measure
from drp.dataplane.mongodb.state import estimate_bytes
from drp.dataplane.mongodb.users import Grants, fingerprint_grants, load_grants
from drp.dataplane.places import CacheEndpoint, Endpoint
from drp.dataplane.tally import EMPTY, render_digest
from drp.model.content import CollectionContent, KeysContent, Readback
from drp.model.values import JsonMap

_READERS = 2


def run_readback(context: Context) -> JsonMap:
    """A Readback as JSON."""
    params = context.parse(ReadbackParams)
    began = context.doors.now()
    collections: tuple[CollectionContent, ...] = ()
    grants = Grants()
    if params.mongodb:
        collections, grants = _read_mongodb(context, params.mongodb, params.exclude_users)
    redis = _read_redis(context, params.redis) if params.redis else ()
    content = Readback(
        began_ms=round(began.timestamp() * 1000),
        ended_ms=round(context.doors.now().timestamp() * 1000),
        collections=collections,
        users=fingerprint_grants(grants.users),
        roles=fingerprint_grants(grants.roles),
        redis=redis,
    )
    return content.to_json()


def _read_mongodb(
    context: Context, endpoint: Endpoint, own: tuple[str, ...]
) -> tuple[tuple[CollectionContent, ...], Grants]:
    with context.open_mongodb(endpoint) as server:
        context.report.total = estimate_bytes(server)
        source = ScanSource(server, ask_capabilities(server))
        listed = list_collections(server).collections

        def read(info: CollectionInfo) -> CollectionContent:
            content = measure_collection(source, info)
            context.report.advance(content.bytes)
            return content

        with ThreadPoolExecutor(_READERS) as pool:
            contents = tuple(pool.map(read, listed))
        return contents, load_grants(server, without=own)


def measure_collection(source: Source, info: CollectionInfo) -> CollectionContent:
    """One collection with everything that makes it what it is."""
    tally = measure(source, info) if info.has_documents else EMPTY
    return CollectionContent(
        database=info.database,
        name=info.name,
        type=info.type,
        documents=tally.documents,
        bytes=tally.bytes,
        digest=render_digest(tally.digest),
        order=render_digest(tally.order) if info.is_capped else "",
        indexes=fingerprint_indexes(info),
        options=fingerprint_options(info),
    )


def _read_redis(context: Context, endpoint: CacheEndpoint) -> tuple[KeysContent, ...]:
    with context.open_cache(endpoint) as cache:
        databases = list_databases(cache)
    contents = []
    for database in databases:
        with context.open_cache(endpoint, database) as cache:
            contents.append(measure_keys(cache, database))
    return tuple(contents)
