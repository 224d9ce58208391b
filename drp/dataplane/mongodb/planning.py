"""What a restore has to do on a target: what is equal stays, what differs is dropped and loaded again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from drp.dataplane.mongodb.catalog import CollectionInfo
from drp.dataplane.mongodb.fingerprints import fingerprint_options
from drp.dataplane.mongodb.server import CommandError, Server, read
from drp.dataplane.mongodb.sources import Source, measure
from drp.dataplane.tally import Tally

_READERS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class RestorePlan:
    """``keep``: documents and options are right already. ``drop`` comes before ``load`` and ``views``."""

    keep: tuple[CollectionInfo, ...]
    drop: tuple[CollectionInfo, ...]
    load: tuple[CollectionInfo, ...]
    views: tuple[CollectionInfo, ...]


def plan_restore(
    wanted: Sequence[CollectionInfo],
    found: Sequence[CollectionInfo],
    *,
    is_filled: Callable[[CollectionInfo], bool],
) -> RestorePlan:
    """``is_filled``: whether the target's collection has the documents of the backup."""
    there = {info.namespace: info for info in found}
    alike = [info for info in wanted if _has_options(info, there)]
    with_documents = [info for info in alike if info.has_documents]
    with ThreadPoolExecutor(_READERS) as pool:
        filled = list(pool.map(is_filled, with_documents))
    keep = [info for info, right in zip(with_documents, filled, strict=True) if right]
    stay = {info.namespace for info in (*keep, *(info for info in alike if not info.has_documents))}
    missing = [info for info in wanted if info.namespace not in stay]
    return RestorePlan(
        keep=tuple(keep),
        drop=tuple(info for info in found if info.namespace not in stay),
        load=tuple(info for info in missing if info.has_documents),
        views=tuple(info for info in missing if not info.has_documents),
    )


def _has_options(info: CollectionInfo, there: Mapping[str, CollectionInfo]) -> bool:
    other = there.get(info.namespace)
    return other is not None and fingerprint_options(other) == fingerprint_options(info)


def is_filled_with(server: Server, source: Source, info: CollectionInfo, wanted: Tally) -> bool:
    """Counts first, as that is cheap; equal only when all documents were read and are the same."""
    try:
        counted = read(server.command(info.database, {"count": info.storage})).get("n")
    except CommandError:
        counted = wanted.documents
    return counted == wanted.documents and measure(source, info) == wanted
