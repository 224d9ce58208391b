"""One state of a server to read: its listing together with the source of its documents."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bson.timestamp import Timestamp

from drp.dataplane.mongodb.capabilities import (
    Capabilities,
    ask_capabilities,
    find_snapshot_obstacle,
    mark_time,
)
from drp.dataplane.mongodb.catalog import Listing, list_collections, list_databases
from drp.dataplane.mongodb.server import CommandError, Server, read
from drp.dataplane.mongodb.sources import (
    SCAN,
    SNAPSHOT,
    ScanSource,
    SnapshotLostError,
    SnapshotSource,
    Source,
)

_TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """``time`` is the cluster time of a snapshot, else None."""

    capabilities: Capabilities
    listing: Listing
    source: Source
    time: Timestamp | None

    @property
    def mode(self) -> str:
        return SCAN if self.time is None else SNAPSHOT


def open_state(server: Server, backup_id: str, *, snapshot: bool = True) -> State:
    """The best this server can do; why it is no snapshot stands in the notes. Raises SnapshotLostError."""
    capabilities = ask_capabilities(server)
    obstacle = find_snapshot_obstacle(server, capabilities) if snapshot else "collections kept changing"
    if obstacle is None:
        return _open_snapshot(server, capabilities, backup_id)
    listing = list_collections(server)
    listing = replace(listing, notes=(*listing.notes, f"no snapshot: {obstacle}"))
    return State(
        capabilities=capabilities, listing=listing, source=ScanSource(server, capabilities), time=None
    )


def _open_snapshot(server: Server, capabilities: Capabilities, backup_id: str) -> State:
    """A listing cannot be read at a time: the same listing before and after the time is that of the time."""
    before = list_collections(server)
    for _ in range(_TRIES):
        time = mark_time(server, {"drp": "base", "backup_id": backup_id})
        after = list_collections(server)
        if before == after:
            source = SnapshotSource(server, capabilities, time)
            return State(capabilities=capabilities, listing=after, source=source, time=time)
        before = after
    raise SnapshotLostError("cannot list the collections at one time: they keep changing")


def estimate_bytes(server: Server) -> int:
    """What the server thinks it holds, for progress only; 0 where it does not say."""
    total = 0
    for database in list_databases(server):
        try:
            total += int(read(server.command(database, {"dbStats": 1})).get("dataSize", 0))
        except CommandError:
            pass  # a database one may not look into is not counted
    return total
